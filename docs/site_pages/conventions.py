"""The page of what can count as an operation."""

from __future__ import annotations

from pab_bench.cost.conventions import CONVENTIONS
from site_pages.markdown import code, table

_INTRODUCTION = """# What counts as an operation

Published numbers of operations follow different conventions: `convention=NAME` of
[`task=cost`](../tasks/cost.md) chooses one, `convention=all` shows every one.
"""


def pages() -> dict[str, str]:
    """Write the page."""
    rows = [
        (
            code(name),
            c.description,
            f"{c.per_multiply_add}",
            "both" if c.guidance_batch else "one",
            "yes" if c.attention else "no",
            "yes" if c.text_encoder else "no",
            c.decoder,
        )
        for name, c in CONVENTIONS.items()
    ]
    head = ("name", "counts", "a multiply-add", "halves of guidance", "products of attention")
    text = table((*head, "text encoder", "decoder"), rows)
    return {"docs/reference/conventions.md": f"{_INTRODUCTION}\n{text}\n"}
