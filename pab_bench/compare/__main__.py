"""`python -m pab_bench.compare`."""

from __future__ import annotations

from pab_bench.compare.command import main

if __name__ == "__main__":
    raise SystemExit(main())
