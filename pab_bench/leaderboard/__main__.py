"""`python -m pab_bench.leaderboard`."""

from __future__ import annotations

from pab_bench.leaderboard.command import main
from pab_bench.text.streams import open_streams

if __name__ == "__main__":
    open_streams()
    raise SystemExit(main())
