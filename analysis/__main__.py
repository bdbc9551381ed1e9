"""`python -m analysis DIR`: make summary, tables and figures of a sweep again, as PDF, too."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.errors import NotASweep
from pab_bench.errors import BAD_CONFIGURATION, FAILED, OK
from pab_bench.text.streams import open_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if everything was made, 1 if something failed, 2 if there is no sweep."""
    open_streams()
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    parser.add_argument("directory", type=Path, help="a sweep directory, or that of a single run")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    options = parser.parse_args(arguments)
    # Figures are only written: whichever notebook the command is typed in.
    os.environ.pop("MPLBACKEND", None)

    from analysis.build import build
    from analysis.figures.save import FORMATS
    from pab_bench.text.terminal import console

    try:
        result = build(options.directory, None if options.quiet else console(), FORMATS)
    except NotASweep as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    return FAILED if result.failures else OK


if __name__ == "__main__":
    sys.exit(main())
