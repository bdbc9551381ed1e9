"""Delta-DiT as the experiments of PAB have it, and with their sign and phase put right.

Source: the Delta-DiT rows of Table 1 of PAB, arXiv 2408.12588; VideoSys, branch
exp/tgate_deltadit. The method of the paper, arXiv 2406.01125, is `delta_dit`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from pab_bench.engine.places import Run
from pab_bench.methods.base import About, Acceleration, Facts, plan_of_facts
from pab_bench.methods.facts import Need
from pab_bench.methods.published import published, refuse_unpublished
from pab_bench.problems import Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy

SIGNS = ("upstream", "corrected")
PHASES = ("upstream", "every_gap")
PUBLISHED = {
    ("latte", 50): {"intervals": ("0-1:0-1",)},
    ("open_sora", 30): {"intervals": ("0-5:0-5",)},
    ("open_sora_plan", 150): {"intervals": ("0-1:0-2",)},
}
"""By system and denoising steps."""
_INTERVAL = re.compile(r"(\d+)-(\d+):(\d+)-(\d+)")


@dataclass(frozen=True)
class DeltaDitPab(Acceleration):
    """The method `delta_dit_pab`.

    Within an interval of calls a run of block pairs is left out at some of them. What stands in for
    it is the difference that the run made when it was computed last in that interval.

    Attributes:
        intervals: each `FIRST_CALL-LAST_CALL:FIRST_BLOCK-LAST_BLOCK`, all included, from 0; None =
            as published.
        gap: at least 2; see `phase`.
        sign: `upstream` adds input minus output of the run, as the published code does;
            `corrected` adds output minus input.
        phase: which calls of an interval, counted k = 1, 2, ..., leave the run out: `upstream`
            those that the gap divides; `every_gap` all but the first of every gap calls.
    """

    intervals: tuple[str, ...] | None = None
    gap: int = 2
    sign: Literal["upstream", "corrected"] = "upstream"
    phase: Literal["upstream", "every_gap"] = "upstream"

    name: ClassVar[str] = "delta_dit_pab"

    @property
    def needs(self) -> frozenset[Need]:
        """The blocks in order."""
        return frozenset({"stack"})

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        problems.at_least("gap", self.gap, 2)
        problems.choice("sign", self.sign, SIGNS)
        problems.choice("phase", self.phase, PHASES)
        if self.intervals is not None:
            problems.distinct("intervals", self.intervals, "at least one interval")
            found = [_INTERVAL.fullmatch(text) for text in self.intervals]
            if not all(found):
                problems.add("intervals", self.intervals, "must be texts such as 0-5:0-2")
            else:
                parts = [_parts(text) for text in self.intervals]
                if any(a > b or c > d for a, b, c, d in parts):
                    problems.add("intervals", self.intervals, "must go from the lower number up")
                ordered = sorted(parts)
                if any(p[1] >= q[0] for p, q in pairwise(ordered)):
                    problems.add("intervals", self.intervals, "must not share a call")
        problems.raise_if_any()

    def filled(self, about: About) -> DeltaDitPab:
        """With the published intervals where nothing is said."""
        return replace(self, **published(self, PUBLISHED, about))

    def check(self, about: About, problems: Problems) -> None:
        """Blocks and calls must be there."""
        refuse_unpublished(self, ["intervals"], PUBLISHED, about, problems)
        for first, last, _, block in map(_parts, self.intervals or ()):
            if block >= about.depth:
                message = f"the model has blocks 0 to {about.depth - 1}"
                problems.add("method.intervals", self.intervals, message)
            if about.calls is not None and first + 1 >= about.calls:
                message = f"calls {first} to {last} of {about.calls} would reuse nothing"
                problems.add("method.intervals", self.intervals, message)

    def runs(self, calls: int) -> list[Run | None]:
        """At every call the run that is left out or computed for later; None outside."""
        runs: list[Run | None] = [None] * calls
        for first, last, block, end in map(_parts, self.intervals or ()):
            for call in range(first, min(last + 1, calls)):
                runs[call] = Run(block, end)
        return runs

    def leaves_out(self, number: int) -> bool:
        """Whether the number-th call of an interval, from 1, leaves the run out."""
        if self.phase == "upstream":
            return number % self.gap == 0
        return (number - 1) % self.gap != 0

    def plan(self, facts: Facts) -> Plan:
        """Leave out the runs."""
        # Deferred: settings are made before numpy is needed.
        import numpy as np

        from pab_bench.methods.tables import baseline_plan, leave_out_blocks

        stack = np.repeat(np.arange(facts.calls)[:, None], len(facts.stack), axis=1)
        for first, last, block, end in map(_parts, self.intervals or ()):
            source = first
            for call in range(first, min(last + 1, facts.calls)):
                if self.leaves_out(call - first + 1):
                    stack[call, block : end + 1] = source
                else:
                    source = call
        return leave_out_blocks(baseline_plan(facts), facts, stack)

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        from pab_bench.methods.follow import FollowRuns

        plan, runs = plan_of_facts(self, facts), self.runs(facts.calls)
        sign = -1 if self.sign == "upstream" else 1
        return lambda: FollowRuns(plan, runs, sign)


def _parts(interval: str) -> tuple[int, int, int, int]:
    found = _INTERVAL.fullmatch(interval)
    assert found is not None
    first, last, block, end = map(int, found.groups())
    return first, last, block, end
