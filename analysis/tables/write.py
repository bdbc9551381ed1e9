"""One table in all its forms: CSV for programs, Markdown and LaTeX for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pab_bench.files import write_text
from pab_bench.text.latex import latex_table
from pab_bench.text.markdown import markdown_table


@dataclass(frozen=True)
class TextTable:
    """A table as people read it.

    Attributes:
        headers: one per column.
        rows: cells as text.
        numeric: per column whether it is aligned to the right.
        notes: what the numbers mean and where they come from, one sentence or more each.
        title: a heading for documents that hold several tables; may be empty.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]
    notes: Sequence[str] = field(default_factory=tuple)
    title: str = ""

    def markdown(self) -> str:
        """The table, then its notes as a list."""
        text = f"## {self.title}\n\n" if self.title else ""
        text += markdown_table(self.headers, self.rows, self.numeric)
        if self.notes:
            text += "\n" + "".join(f"- {note}\n" for note in self.notes)
        return text

    def latex(self) -> str:
        """The table with its notes as small print."""
        return latex_table(self.headers, self.rows, self.numeric, self.notes)


@dataclass(frozen=True)
class MadeTable:
    """A table ready to be written.

    Attributes:
        document: for people.
        csv: for programs, with all rows; None where that is another file's task.
    """

    document: TextTable
    csv: str | None = None

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write `name.csv`, `name.md` and `name.tex`."""
        texts = {"csv": self.csv, "md": self.document.markdown(), "tex": self.document.latex()}
        return [
            write_text(folder / f"{name}.{form}", text)
            for form, text in texts.items()
            if text is not None
        ]
