"""Golden runs of diffusers' SeaCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.methods.seacache import SeaCache


class SeaCacheReading:
    """The configuration, under names of our own."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return "power_exp" in config

    def method(self, run: Mapping[str, Any]) -> SeaCache:
        config = run["config"]
        return SeaCache(
            threshold=config["threshold"],
            order=config["residual_order"],
            first=config["retention_steps"],
            last=config["cache_end_steps"],
            most=config["max_consecutive_cached"],
            exponent=config["power_exp"],
        )
