"""`python -m pab_bench.export`."""

from __future__ import annotations

from pab_bench.export.command import main

if __name__ == "__main__":
    raise SystemExit(main())
