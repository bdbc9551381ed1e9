"""Golden runs of TeaCache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pab_bench.methods.facts import About
from pab_bench.methods.teacache import TeaCache

if TYPE_CHECKING:
    from golden.followed import Followed


class TeaCacheReading:
    """A digit for every call, 1 where the blocks were left out, and the accumulated estimates."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        return "rel_l1_thresh" in run

    def method(self, run: Mapping[str, Any]) -> TeaCache:
        own = TeaCache(run["rel_l1_thresh"])
        if not run["name"].endswith("last_step_by_index"):
            own = replace(own, last_call="value")
        return own.filled(About(run["model"], run["num_inference_steps"], None, 1, None, True))

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        expected = np.array([digit == "1" for digit in run["skipped"]])[:, None]
        out = followed.plan[0]
        return sum(int((out.is_skipped(group) != expected).sum()) for group in out.source)

    def gates(self, run: Mapping[str, Any]) -> list[float | None] | None:
        """Of every call, None where it computes in any case; of bfloat16 only decisions hold."""
        return None if run["name"].endswith("bfloat16") else list(run["acc_tested"])
