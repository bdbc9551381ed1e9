"""Golden runs of diffusers' FasterCache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.methods.fastercache_diffusers import FasterCacheDiffusers


class FasterCacheDiffusersReading:
    """Ranges and windows; the first half of a batch is the one without the prompt."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return "unconditional_batch_skip_range" in config

    def method(self, run: Mapping[str, Any]) -> FasterCacheDiffusers:
        config = run["config"]
        return FasterCacheDiffusers(
            guidance_gap=config["unconditional_batch_skip_range"],
            guidance_window=tuple(config["unconditional_batch_timestep_skip_range"]),
            spatial_gap=config["spatial_attention_block_skip_range"],
            spatial_window=tuple(config["spatial_attention_timestep_skip_range"]),
            temporal_gap=config["temporal_attention_block_skip_range"],
            temporal_window=tuple(config["temporal_attention_timestep_skip_range"]),
            weight=config["attention_weight"],
            low_factor=config["alpha_low_frequency"],
            low_window=tuple(config["low_frequency_weight_update_timestep_range"]),
            high_factor=config["alpha_high_frequency"],
            high_window=tuple(config["high_frequency_weight_update_timestep_range"]),
            conditional="second",
        )
