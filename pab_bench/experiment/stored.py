"""Finds a point in the store, also one that an older version made in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.experiment.identity import identity_before_arithmetic
from pab_bench.store.points import Store, point_id
from pab_bench.store.records import Record


def find_stored(store: Store, identity: Mapping[str, Any], verify: bool = True) -> Record | None:
    """The record of a point, or None if it is to be made.

    Older addresses did not say with which processor and how many threads a point was made. Such a
    point counts if its provenance says that both were those of now.

    Args:
        store: where to look.
        identity: what determines the point.
        verify: whether to read all of its files and compare their digests.
    """
    record = store.load(point_id(identity), verify)
    if record is not None:
        return record
    before = identity_before_arithmetic(identity)
    if before is None:
        return None
    earlier = store.load(point_id(before), verify)
    if earlier is None:
        return None
    made_with = {name: earlier.provenance.get(name) for name in ("cpu", "threads")}
    now = identity["arithmetic"]
    if made_with != {"cpu": now["processor"], "threads": now["threads"]}:
        return None
    return earlier
