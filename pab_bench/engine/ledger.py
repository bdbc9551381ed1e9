"""What really happened: which sites computed and which reused, counted by the engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.errors import PabBenchError

_COMPUTED, _REUSED, _SKIPPED = 1, 2, 3
_WHOLE = 2


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
        self._sources: Mapping[Group, npt.NDArray[np.int32]] = {}
        if plan.is_open:
            self._sources = {
                g: np.full(visits.shape, -1, dtype=np.int32) for g, visits in self.visits.items()
            }
        self._fault = ""
        self._ordered_in: tuple[int, int] | None = None

    def computed(self, group: Group, lane: int, call: int, block: int) -> None:
        """Note that a site computed its output."""
        self._note(_COMPUTED, group, lane, call, block)

    def reused(self, group: Group, lane: int, call: int, block: int) -> None:
        """Note that a site reused an output."""
        self._note(_REUSED, group, lane, call, block)

    def skipped(self, group: Group, lane: int, call: int, block: int) -> None:
        """Note that what is around a site was left out, and the site with it."""
        self._note(_SKIPPED, group, lane, call, block)

    def call_skipped(self, lane: int, call: int) -> None:
        """Note that the transformer was not called, so that all of its sites were left out."""
        for visits in self.visits.values():
            visits[lane, call] = _SKIPPED
        self.rows[lane, call] = 0

    def supplied(
        self, group: Group, lane: int, call: int, block: int, origins: Collection[tuple[int, int]]
    ) -> None:
        """Note what the output of a site was made of, which did not compute.

        Args:
            group: the site's.
            lane: of the call.
            call: in which it was given.
            block: the site's.
            origins: lanes and calls in which it was kept.
        """
        where = f"{group.description} of block {block} was given at call {call} of lane {lane}"
        for other, source in origins:
            if other != lane:
                self._note_fault(f"{where} what lane {other} has kept at call {source}")
            elif self.visits[group][lane, source, block] not in (_COMPUTED, _REUSED):
                self._note_fault(f"{where} what was kept at call {source}, which left it out")
        if not origins:
            self._note_fault(f"{where}, and nothing that was kept in this video was used for it")
        latest = max((source for other, source in origins if other == lane), default=-1)
        self._sources[group][lane, call, block] = latest

    def leaves_out(self, lane: int, call: int) -> bool:
        """Whether any site did not compute in a call, or half of the guidance batch did not."""
        reused = any((visits[lane, call] >= _REUSED).any() for visits in self.visits.values())
        return reused or int(self.rows[lane, call]) < _WHOLE

    def _note_fault(self, fault: str) -> None:
        self._fault = self._fault or fault

    def _note(self, visit: int, group: Group, lane: int, call: int, block: int) -> None:
        visits = self.visits[group]
        if visits[lane, call, block]:
            self._note_fault(
                f"{group.description} of block {block} was visited more than once at call {call}"
            )
        visits[lane, call, block] = visit
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

    def check(self, plan: Plan, sure: int = 0, protected: Collection[int] = ()) -> None:
        """Compare what happened with what was to happen.

        Args:
            plan: what every site was to do, at every call; of an open one it is checked that every
                site was visited once, that whatever was reused had been computed before in this
                video and lane, and that the first calls computed everything.
            sure: so many first calls compute everything whatever comes, where the plan is open.
            protected: further calls that do.

        Raises:
            LedgerMismatch: naming the first site that did something else.
        """
        surely = np.array([c < sure or c in protected or plan.begins(c) for c in range(plan.calls)])
        for group, visits in self.visits.items():
            if plan.is_open:
                wrong = np.argwhere(_impossible(visits, surely))
            else:
                expected = _expected(plan, group)
                wrong = np.argwhere(visits != expected[None])
            if len(wrong):
                lane, call, block = (int(i) for i in wrong[0])
                if plan.is_open:
                    rule = f"a site computes at {_in_words(surely)}"
                else:
                    rule = f"the plan says {_VERBS[expected[call, block]]}"
                raise LedgerMismatch(
                    f"{group.description} of block {block} {_DID[visits[lane, call, block]]} at "
                    f"call {call} (timestep {plan.timesteps[call]}), {rule}; "
                    f"{len(wrong)} of {visits.size} visits differ"
                )
        if not plan.is_open:
            self._check_rows(plan)
        elif len(halves := np.argwhere(surely & (self.rows != _WHOLE))):
            lane, call = (int(i) for i in halves[0])
            raise LedgerMismatch(
                f"call {call} (timestep {plan.timesteps[call]}) computed {self.rows[lane, call]} "
                f"halves of the guidance batch; both are at {_in_words(surely)}"
            )
        if self._fault:
            raise LedgerMismatch(self._fault)

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
        """Tell what was done in a lane, as a plan.

        A reuse is of the latest output that it was made of, as far as that was noted; else of the
        last that was computed.

        Args:
            plan: has the timesteps.
            lane: which; the lanes of an open plan may differ.
        """
        calls = np.arange(plan.calls)
        source, skipped = {}, {}
        for group, visits in self.visits.items():
            computed = np.where(visits[lane] == _COMPUTED, calls[:, None], 0)
            last = np.maximum.accumulate(computed, axis=0)
            known = self._sources[group][lane] if group in self._sources else np.full_like(last, -1)
            source[group] = np.where(known >= 0, known, last)
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


def _impossible(
    visits: npt.NDArray[np.int8], surely: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(lanes, calls, blocks): what no decision of a method can lead to.

    Args:
        visits: (lanes, calls, blocks).
        surely: (calls,): whether everything computes.
    """
    wrong: npt.NDArray[np.bool_] = visits == 0
    wrong |= surely[:, None] & (visits != _COMPUTED)
    return wrong


def _in_words(surely: npt.NDArray[np.bool_]) -> str:
    """The calls at which everything computes."""
    calls = np.flatnonzero(surely).tolist()
    first = next((n for n, call in enumerate(calls) if n != call), len(calls))
    words = "the first call" if first == 1 else f"the first {first} calls"
    others = ", ".join(map(str, calls[first:]))
    return f"{words} and at {others}" if others else words
