"""`python -m pab_bench.unpack`."""

from __future__ import annotations

from pab_bench.text.streams import open_streams
from pab_bench.unpack.command import main

if __name__ == "__main__":
    open_streams()
    raise SystemExit(main())
