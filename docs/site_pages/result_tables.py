"""The page of tables that a sweep writes."""

from __future__ import annotations

from analysis.tables.catalog import FORMS, tables
from site_pages.docstrings import documented
from site_pages.markdown import code, table

_INTRODUCTION = """# Tables

Every run writes the tables that it has data for into `tables/`, in these forms: {forms}. Each ends
with what made it. `summary.csv` and `summary.parquet` beside them are for programs.
"""


def pages() -> dict[str, str]:
    """Write the page."""
    rows = [(code(t.name), t.title, documented(t.make).summary) for t in tables()]
    text = _INTRODUCTION.format(forms=", ".join(FORMS))
    return {"docs/reference/tables.md": f"{text}\n{table(('table', 'title', 'what'), rows)}\n"}
