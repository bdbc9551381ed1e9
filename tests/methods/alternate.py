"""A method that is in no list: what somebody would write who adds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pab_bench.engine.kinds import BroadcastObject
from pab_bench.engine.plan import Plan
from pab_bench.methods.base import Acceleration, Facts
from pab_bench.problems import Problems


@dataclass(frozen=True)
class Alternate(Acceleration):
    """Every other call reuses the outputs of some kinds, from the call `first` on.

    Attributes:
        kinds: of sites.
        first: the first call that reuses.
    """

    kinds: tuple[str, ...] = ("spatial",)
    first: int = 1

    name: ClassVar[str] = "alternate"
    broadcast_object: ClassVar[BroadcastObject] = "output"

    def __post_init__(self) -> None:
        problems = Problems("method")
        problems.at_least("first", self.first, 1)
        problems.raise_if_any()

    def plan(self, facts: Facts) -> Plan:
        calls = np.arange(len(facts.timesteps))
        reused = (calls >= self.first) & ((calls - self.first) % 2 == 0)
        rows = np.where(reused, calls - 1, calls)
        source = {
            group: np.repeat((rows if group.kind in self.kinds else calls)[:, None], facts.depth, 1)
            for group in facts.groups
        }
        return Plan(tuple(int(t) for t in facts.timesteps), facts.depth, source)
