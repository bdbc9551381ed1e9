"""`python -m pab_bench` is the command `pab-bench`."""

from __future__ import annotations

import sys

from pab_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
