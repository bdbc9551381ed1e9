"""Markdown tables. pandas would need another package for them."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> str:
    """A pipe table; numeric columns are aligned to the right.

    >>> print(markdown_table(["rules", "s"], [["S2", "1.5"]], [False, True]), end="")
    | rules |   s |
    |:------|----:|
    | S2    | 1.5 |
    """
    cells = [
        [cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (headers, *rows)
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    rule = [
        "-" * (width + 1) + ":" if right else ":" + "-" * (width + 1)
        for width, right in zip(widths, numeric, strict=True)
    ]
    lines = [
        "| " + " | ".join(_pad(*entry) for entry in zip(row, widths, numeric, strict=True)) + " |"
        for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join(rule) + "|", *lines[1:]]) + "\n"


def _pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)
