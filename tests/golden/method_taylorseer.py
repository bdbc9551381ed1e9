"""Golden runs of diffusers' TaylorSeer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pab_bench.methods.base import Method
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.taylorseer import TaylorSeer

EXAMPLES = {
    "spatial": ("blocks.0.attn1", "transformer_blocks.0.attn1"),
    "temporal": ("temporal_transformer_blocks.0.attn1",),
    "cross": ("blocks.0.attn2", "transformer_blocks.0.attn2"),
    "mlp": ("blocks.0.ffn", "transformer_blocks.0.ff", "temporal_transformer_blocks.0.ff"),
}
"""Names of modules of each kind, in the models of these files."""


class TaylorSeerReading:
    """Patterns of modules' names, or the lite variant; what reaches nothing is the baseline."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        return "taylor_factors_dtype" in config

    def method(self, run: Mapping[str, Any]) -> Method:
        config = run["config"]
        if not run["hooks"]:
            return PyramidAttentionBroadcast()
        patterns = config["cache_identifiers"] or ()
        kinds = tuple(
            kind
            for kind, names in EXAMPLES.items()
            if any(re.fullmatch(pattern, name) for pattern in patterns for name in names)
        )
        return TaylorSeer(
            interval=config["cache_interval"],
            before=config["disable_cache_before_step"],
            after=config["disable_cache_after_step"],
            order=config["max_order"],
            dtype=config["taylor_factors_dtype"],
            lite=config["use_lite_mode"],
            **({} if config["use_lite_mode"] else {"kinds": kinds}),
        )
