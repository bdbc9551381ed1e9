"""The speed of a point that is in the store, from the timings beside it."""

from __future__ import annotations

from pathlib import Path

from pab_bench.store.records import Record
from pab_bench.timings.estimate import Speed
from pab_bench.timings.key import timings_key
from pab_bench.timings.names import name_of_point
from pab_bench.timings.store import read_timings


def speed_of_point(results: Path, record: Record) -> Speed | None:
    """What a point's timed calls say; None if they were not timed where it was made.

    Args:
        results: the folder that it is kept in.
        record: the point.
    """
    timings = read_timings(results, timings_key(record.config, record.provenance))
    return timings.speed(name_of_point(record.config, record.plan))
