"""Golden runs of cache-dit's DBCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.errors import ConfigError
from pab_bench.methods.dbcache import DBCache

AS_USUAL = {
    "enable_separate_cfg": None,
    "cfg_compute_first": False,
    "cfg_diff_compute_separate": True,
    "force_refresh_step_hint": None,
    "force_refresh_step_policy": "once",
}
"""Settings of upstream that nothing here stands for, and what they are where they do nothing."""


class DBCacheReading:
    """Numbers of -1 are no limit; a calibrator is TaylorSeer with its order."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return "Fn_compute_blocks" in config

    def method(self, run: Mapping[str, Any]) -> DBCache:
        config = run["config"]
        other = [key for key, value in AS_USUAL.items() if config[key] != value]
        calibrator = config.get("calibrator") or {"kind": "taylorseer", "order": 0}
        if calibrator["kind"] != "taylorseer":
            other.append(f"calibrator {calibrator['kind']}")
        if other:
            raise ConfigError(f"dbcache has nothing like cache-dit's {', '.join(other)}")
        mask = config["steps_computation_mask"]
        return DBCache(
            first_blocks=config["Fn_compute_blocks"],
            last_blocks=config["Bn_compute_blocks"],
            threshold=config["residual_diff_threshold"],
            warm_up=config["max_warmup_steps"],
            warm_up_interval=config["warmup_interval"],
            most_cached=_limit(config["max_cached_steps"]),
            most_in_a_row=_limit(config["max_continuous_cached_steps"]),
            most_change=config["max_accumulated_residual_diff_threshold"],
            steps_mask=None if mask is None else tuple(mask),
            mask_policy=config["steps_computation_policy"] if mask else "dynamic",
            order=calibrator["order"],
        )


def _limit(number: int) -> int | None:
    return None if number < 0 else number
