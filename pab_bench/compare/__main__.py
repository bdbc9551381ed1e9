"""`python -m pab_bench.compare`; the exit statuses are in `command.py`."""

from __future__ import annotations

import sys
import traceback

from pab_bench.compare import CRASHED
from pab_bench.errors import INTERRUPTED
from pab_bench.text.streams import open_streams


def run() -> int:
    """Run the command; returns its exit status, or 3 if it crashed."""
    open_streams()
    try:
        from pab_bench.compare.command import main

        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        sys.stderr.write("error: this is a fault of pab_bench, or of what it needs\n")
        return CRASHED


if __name__ == "__main__":
    raise SystemExit(run())
