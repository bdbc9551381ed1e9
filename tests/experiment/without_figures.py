"""The command line in a process of its own, without figures at the end of a sweep."""

import os
import sys

from pab_bench.cli import main

if __name__ == "__main__":
    if os.environ.get("RANK", "0") == "0":  # The others make none.
        import analysis.figures.catalog

        analysis.figures.catalog.drawings = lambda data: []
    sys.exit(main())
