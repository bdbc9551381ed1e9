"""A leaderboard as Markdown, LaTeX or a page; strangers' texts are texts in each of them."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.tables.write import TextTable

_TITLE = "Leaderboard"


def markdown(tables: Sequence[TextTable]) -> str:
    """Write one heading, table and list of notes after the other; HTML within is escaped."""
    return f"# {_TITLE}\n\n" + "\n".join(_escaped(table).markdown() for table in tables)


def latex(tables: Sequence[TextTable]) -> str:
    """Write the tables with their titles as paragraphs."""
    from pab_bench.text.latex import escape

    return "\n".join(f"\\paragraph{{{escape(table.title)}}}\n{table.latex()}" for table in tables)


def page(tables: Sequence[TextTable]) -> str:
    """Write one HTML file that loads nothing and runs nothing."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("leaderboard.html.jinja").render(title=_TITLE, tables=tables)


FORMS: Mapping[str, Callable[[Sequence[TextTable]], str]] = {
    "markdown": markdown,
    "latex": latex,
    "html": page,
}


def _escaped(table: TextTable) -> TextTable:
    return replace(
        table,
        title=_plain(table.title),
        rows=[[_plain(cell) for cell in row] for row in table.rows],
        notes=[_plain(note) for note in table.notes],
    )


def _plain(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", " ")
