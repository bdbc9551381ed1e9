"""Golden runs of diffusers' Pyramid Attention Broadcast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules

WINDOW = (100, 800)
"""The hook's own, where a run names none."""
PER_LANE = "_state_per_lane"


class PabDiffusersReading:
    """Gaps and windows by kind; what is kept is what attention returns, before its gate."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        gaps = any(key.endswith("_attention_block_skip_range") for key in config)
        return gaps and "unconditional_batch_skip_range" not in config

    def left_out(self, name: str, run: Mapping[str, Any]) -> str:
        """Upstream's own runs mix the two calls of a step: they are no rule to follow."""
        if name.endswith(PER_LANE) or not any("uncond" in n for n in run["decisions"].values()):
            return ""
        return (
            "the hook shares one state between the two calls of a step, which is not imitated; "
            f"{name}{PER_LANE} has one for each"
        )

    def method(self, run: Mapping[str, Any]) -> PyramidAttentionBroadcast:
        config = run["config"]
        rules = Rules(
            spatial=_rule(config, "spatial"),
            temporal=_rule(config, "temporal"),
            cross=_rule(config, "cross"),
        )
        return PyramidAttentionBroadcast(rules, "ungated")


def _rule(config: Mapping[str, Any], kind: str) -> GapRule:
    gap = config.get(f"{kind}_attention_block_skip_range")
    window = config.get(f"{kind}_attention_timestep_skip_range", WINDOW)
    return GapRule() if gap is None else GapRule(True, tuple(window), gap)
