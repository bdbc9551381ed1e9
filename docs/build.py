"""`python docs/build.py [--to DIR]`: the documentation as HTML, with every warning an error.

Needs the extra `docs`, and no network. Exit status: 0 if it was built, 1 if there are warnings, 2
if a link leads nowhere or Sphinx is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python docs/build.py", description=__doc__)
    parser.add_argument("--to", type=Path, default=HERE / "_build", help="default: docs/_build")
    options = parser.parse_args(arguments)
    from site_pages.assemble import assemble
    from site_pages.relocate import BrokenLink

    source, html = options.to / "source", options.to / "html"
    try:
        assemble(source)
    except BrokenLink as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if find_spec("sphinx") is None:
        print("error: Sphinx is not installed: pip install 'pab_bench[docs]'", file=sys.stderr)
        return 2
    from sphinx.cmd.build import build_main

    status = build_main(
        ["-W", "--keep-going", "-q", "-j", "auto", "-b", "html", str(source), str(html)]
    )
    if status == 0:
        print(html / "index.html")
    return int(status != 0)


if __name__ == "__main__":
    sys.exit(main())
