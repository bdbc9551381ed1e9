"""What really happened: which sites computed and which reused, counted by the engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.errors import PabBenchError

_COMPUTED, _REUSED = 1, 2


class LedgerMismatch(PabBenchError):
    """A run did something else than its plan says."""


class Ledger:
    """Visits of every site during one video.

    Attributes:
        visits: per group an int8 array of shape (lanes, calls, blocks): 0 not visited, 1 computed,
            2 reused. A lane is one of the transformer calls that a denoising step takes.
        order: the sites in the order in which a call visits them, from the first call that was
            made here; every call has the same.
    """

    def __init__(self, plan: Plan, lanes: int) -> None:
        self.visits: Mapping[Group, npt.NDArray[np.int8]] = {
            group: np.zeros((lanes, *table.shape), dtype=np.int8)
            for group, table in plan.source.items()
        }
        self.order: list[tuple[Group, int]] = []
        self._ordered_in: tuple[int, int] | None = None

    def computed(self, group: Group, lane: int, call: int, block: int) -> None:
        """Note that a site computed its output."""
        self.visits[group][lane, call, block] = _COMPUTED
        self._note_order(group, lane, call, block)

    def reused(self, group: Group, lane: int, call: int, block: int) -> None:
        """Note that a site reused an output."""
        self.visits[group][lane, call, block] = _REUSED
        self._note_order(group, lane, call, block)

    def _note_order(self, group: Group, lane: int, call: int, block: int) -> None:
        place = lane, call
        if self._ordered_in is None:
            self._ordered_in = place
        if self._ordered_in == place:
            self.order.append((group, block))

    def known(self, plan: Plan, calls: int) -> None:
        """Enter the first `calls` calls as `plan` has them, in every lane.

        For calls that were not made here because another run, whose decisions were the same and
        whose ledger agreed with them, has made them.
        """
        for group, visits in self.visits.items():
            visits[:, :calls] = np.where(plan.reuse(group)[:calls], _REUSED, _COMPUTED)

    def decisions(self, group: Group) -> npt.NDArray[np.bool_]:
        """(calls, blocks): whether the site reused, in every lane."""
        return (self.visits[group] == _REUSED).all(axis=0)

    def totals(self) -> dict[str, dict[str, int]]:
        """Computed and reused visits per group name."""
        return {
            group.name: {
                "computed": int((visits == _COMPUTED).sum()),
                "reused": int((visits == _REUSED).sum()),
            }
            for group, visits in self.visits.items()
        }

    def check(self, plan: Plan) -> None:
        """Raise LedgerMismatch unless every site did what `plan` says, at every call."""
        for group, visits in self.visits.items():
            expected = np.where(plan.reuse(group), _REUSED, _COMPUTED)
            wrong = np.argwhere(visits != expected[None])
            if len(wrong):
                lane, call, block = (int(i) for i in wrong[0])
                did = ("was not visited", "computed", "reused")[visits[lane, call, block]]
                raise LedgerMismatch(
                    f"{group.description} of block {block} {did} at call {call} (timestep "
                    f"{plan.timesteps[call]}), the plan says "
                    f"{'reuse' if expected[call, block] == _REUSED else 'compute'}; "
                    f"{len(wrong)} of {visits.size} visits differ"
                )
