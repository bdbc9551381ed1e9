"""Where summaries are printed."""

from __future__ import annotations

import io
import sys

from rich.console import Console

_WIDTH = 120


def print_in_any_encoding() -> None:
    """Let what a pipe or an old terminal cannot show be replaced, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def console() -> Console:
    """Standard output, as wide as the terminal, or wide enough where there is none."""
    print_in_any_encoding()
    # Without a terminal rich assumes 80 columns, which would fold the table's rows.
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH)
