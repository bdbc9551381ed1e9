"""Golden runs of diffusers' FirstBlockCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.methods.dbcache import DBCache


class FirstBlockCacheReading:
    """A threshold, and nothing else."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return set(config) == {"threshold"}

    def method(self, run: Mapping[str, Any]) -> DBCache:
        threshold = run["config"]["threshold"]
        return DBCache(first_blocks=1, warm_up=0, threshold=threshold, rule="diffusers")
