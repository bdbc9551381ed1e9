"""Figures as files: PDF and PNG, whole or not at all, the same bytes for the same input."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figures.style import lay_out, style
from pab_bench.files import unlink, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "png")
ON_SCREEN = ("png",)
"""What the report shows. A PDF takes as long again: its fonts are cut to the letters that occur."""
# Dates and program versions in a file would make every rebuild a change.
_NO_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


def save(figure: Figure, folder: Path, name: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write `folder/name.pdf` and `folder/name.png`, or one of them.

    Args:
        figure: what to write.
        folder: where to.
        name: the files' name, without what tells their format.
        formats: some of `FORMATS`. A file in another one is removed: it shows an older figure.

    Returns:
        The files, in the order of the formats.
    """
    contents = {}
    with style():
        # The layout is what takes longest: once for both formats. With an engine, even one that
        # does nothing, `savefig` would draw twice.
        lay_out(figure)
        figure.set_layout_engine(None)
        for form in formats:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=form, metadata=_NO_METADATA[form])
            contents[form] = buffer.getvalue()
    remove(folder, name, [form for form in FORMATS if form not in formats])
    return [write_bytes(folder / f"{name}.{form}", contents[form]) for form in formats]


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's content."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", metadata=_NO_METADATA["png"])
    return buffer.getvalue()


def remove(folder: Path, name: str, formats: Sequence[str] = FORMATS) -> None:
    """Delete the files of a figure that can no longer be made, so that none is out of date."""
    for form in formats:
        unlink(folder / f"{name}.{form}")
