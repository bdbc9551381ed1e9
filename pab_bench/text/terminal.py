"""Where summaries are printed."""

from __future__ import annotations

import sys

from rich.console import Console

_WIDTH = 120


def console() -> Console:
    """Standard output, as wide as the terminal, or wide enough where there is none."""
    # Without a terminal rich assumes 80 columns, which would fold the table's rows.
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH)
