"""LaTeX tables in the style of booktabs, through pandas' Styler."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "\N{EN DASH}": "--",
    "…": r"\ldots{}",
    "Δ": r"$\Delta$",
    "±": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "→": r"$\rightarrow$",
} | {char: f"\\{char}" for char in "&%$#_{}"}


def escape(text: str) -> str:
    """The text as LaTeX prints it, in pure commands so that no package is needed for arrows."""
    return re.sub("|".join(map(re.escape, _SPECIAL)), lambda found: _SPECIAL[found[0]], text)


def latex_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    footer: Sequence[str],
) -> str:
    """A booktabs tabular of texts, with `footer` as small print below it."""
    frame = pd.DataFrame([list(row) for row in rows], columns=list(headers))
    styler = frame.style.hide(axis="index").format(escape).format_index(escape, axis="columns")
    layout = "".join("r" if right else "l" for right in numeric)
    body = styler.to_latex(hrules=True, column_format=layout)
    notes = "".join(f"\\\\\n{escape(line)}" for line in footer)[3:]
    return (
        "% Needs \\usepackage{booktabs}.\n"
        f"{body}\\par\\smallskip\n{{\\footnotesize\\raggedright\n{notes}\\par}}\n"
    )
