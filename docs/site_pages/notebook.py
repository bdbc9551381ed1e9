"""The tour, a notebook, as a page."""

from __future__ import annotations

import json

from site_pages.markdown import block
from site_pages.places import DOCS, ROOT

_FILE = "tour.ipynb"


def pages() -> dict[str, str]:
    """Write the page: its cells one after the other, without outputs."""
    parts = []
    for cell in json.loads((ROOT / DOCS / _FILE).read_text())["cells"]:
        text = "".join(cell["source"]).strip()
        parts.append(block("python", [text]) if cell["cell_type"] == "code" else text)
    parts.append(f"This page is [the notebook]({_FILE}); the tests run it.")
    return {f"{DOCS}/tour.md": "\n\n".join(parts) + "\n"}
