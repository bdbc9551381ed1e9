"""What really happened: which sites computed and which reused, counted by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.errors import PabBenchError

_COMPUTED, _REUSED, _SKIPPED = 1, 2, 3


class LedgerMismatch(PabBenchError):
    """A run did something else than its plan says."""


class Ledger:
    """Visits of every site during one video.

    Attributes:
        visits: per group an int8 array of shape (lanes, calls, blocks): 0 not visited, 1 computed,
            2 reused, 3 skipped: something around the site was left out. A lane is one of the
            transformer calls that a denoising step takes.
        rows: int8 (lanes, calls): how many halves of the guidance batch were computed; 0 where the
            transformer was not called, 2 where it was, whether there is guidance or not.
        order: the sites in the order in which a call visits them, from the first call that was
            made here; every call has the same.
    """

    def __init__(self, plan: Plan, lanes: int) -> None:
        self.visits: Mapping[Group, npt.NDArray[np.int8]] = {
            group: np.zeros((lanes, *table.shape), dtype=np.int8)
            for group, table in plan.source.items()
        }
        self.rows: npt.NDArray[np.int8] = np.zeros((lanes, plan.calls), dtype=np.int8)
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

    def skipped(self, group: Group, lane: int, call: int, block: int) -> None:
        """Note that what is around a site was left out, and the site with it."""
        self.visits[group][lane, call, block] = _SKIPPED
        self._note_order(group, lane, call, block)

    def call_skipped(self, lane: int, call: int) -> None:
        """Note that the transformer was not called, so that all of its sites were left out."""
        for visits in self.visits.values():
            visits[lane, call] = _SKIPPED
        self.rows[lane, call] = 0

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
            visits[:, :calls] = _expected(plan, group)[:calls]
        self.rows[:, :calls] = _expected_rows(plan)[:calls]

    def decisions(self, group: Group) -> npt.NDArray[np.bool_]:
        """(calls, blocks): whether the site did not compute, in every lane."""
        reused: npt.NDArray[np.bool_] = np.all(self.visits[group] >= _REUSED, axis=0)
        return reused

    def totals(self) -> dict[str, dict[str, int]]:
        """Computed and reused visits per group name, and skipped ones where there are any."""
        return {
            group.name: {
                "computed": int((visits == _COMPUTED).sum()),
                "reused": int((visits == _REUSED).sum()),
                **({"skipped": int(n)} if (n := (visits == _SKIPPED).sum()) else {}),
            }
            for group, visits in self.visits.items()
        }

    def check(self, plan: Plan, sure: int = 0) -> None:
        """Compare what happened with what was to happen.

        Args:
            plan: what every site was to do, at every call; of an open one it is checked that every
                site was visited, that nothing was reused before something was computed, and that
                the first calls computed everything.
            sure: so many first calls compute everything whatever comes, where the plan is open.

        Raises:
            LedgerMismatch: naming the first site that did something else.
        """
        for group, visits in self.visits.items():
            if plan.is_open:
                wrong = np.argwhere(_impossible(visits, sure))
            else:
                expected = _expected(plan, group)
                wrong = np.argwhere(visits != expected[None])
            if len(wrong):
                lane, call, block = (int(i) for i in wrong[0])
                if plan.is_open:
                    rule = f"a site computes first, at least at the first {max(sure, 1)} calls"
                else:
                    rule = f"the plan says {_VERBS[expected[call, block]]}"
                raise LedgerMismatch(
                    f"{group.description} of block {block} {_DID[visits[lane, call, block]]} at "
                    f"call {call} (timestep {plan.timesteps[call]}), {rule}; "
                    f"{len(wrong)} of {visits.size} visits differ"
                )
        if not plan.is_open:
            self._check_rows(plan)

    def _check_rows(self, plan: Plan) -> None:
        wrong = np.argwhere(self.rows != _expected_rows(plan)[None])
        if len(wrong):
            lane, call = (int(i) for i in wrong[0])
            raise LedgerMismatch(
                f"call {call} (timestep {plan.timesteps[call]}) computed {self.rows[lane, call]} "
                f"halves of the guidance batch, the plan says {_expected_rows(plan)[call]}; "
                f"{len(wrong)} of {self.rows.size} calls differ"
            )

    def executed(self, plan: Plan, lane: int = 0) -> Plan:
        """Tell what was done in a lane, as a plan: every reuse is of the last computed output.

        Args:
            plan: has the timesteps.
            lane: which; the lanes of an open plan may differ.
        """
        calls = np.arange(plan.calls)
        source, skipped = {}, {}
        for group, visits in self.visits.items():
            computed = np.where(visits[lane] == _COMPUTED, calls[:, None], 0)
            source[group] = np.maximum.accumulate(computed, axis=0)
            skipped[group] = visits[lane] == _SKIPPED
        called = np.maximum.accumulate(np.where(self.rows[lane] > 0, calls, 0))
        some_skipped = any(table.any() for table in skipped.values())
        rows = tuple(int(n) or 2 for n in self.rows[lane])
        return replace(
            plan,
            source=source,
            skipped=skipped if some_skipped else {},
            called=tuple(called.tolist()) if (called != calls).any() else (),
            rows=rows if 1 in rows else (),
            is_open=False,
        )


_DID = ("was not visited", "computed", "reused", "was skipped")
_VERBS = ("nothing", "compute", "reuse", "skip")


def _expected(plan: Plan, group: Group) -> npt.NDArray[np.int8]:
    """(calls, blocks): what the ledger says where the plan was followed."""
    visited = np.where(plan.reuse(group), _REUSED, _COMPUTED)
    return np.where(plan.is_skipped(group), _SKIPPED, visited).astype(np.int8)


def _expected_rows(plan: Plan) -> npt.NDArray[np.int8]:
    rows = np.array(plan.rows or (2,) * plan.calls, dtype=np.int8)
    called = np.array([plan.is_called(call) for call in range(plan.calls)])
    return np.where(called, rows, 0).astype(np.int8)


def _impossible(visits: npt.NDArray[np.int8], sure: int) -> npt.NDArray[np.bool_]:
    """(lanes, calls, blocks): what no decision of any method can lead to."""
    wrong: npt.NDArray[np.bool_] = visits == 0
    wrong[:, : max(sure, 1)] |= visits[:, : max(sure, 1)] != _COMPUTED
    return wrong
