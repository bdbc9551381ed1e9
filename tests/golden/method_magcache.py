"""Golden runs of diffusers' MagCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.methods.magcache import MagCache


class MagCacheReading:
    """The ratios that were given, and the number of steps that was told."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return "mag_ratios" in config

    def method(self, run: Mapping[str, Any]) -> MagCache:
        config = run["config"]
        return MagCache(
            ratios=tuple(run["given_mag_ratios"]),
            steps=config["num_inference_steps"],
            threshold=config["threshold"],
            most=config["max_skip_steps"],
            retention=config["retention_ratio"],
        )
