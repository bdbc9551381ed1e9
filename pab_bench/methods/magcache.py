"""MagCache: all blocks are left out while the known ratios of residuals say that little changes.

Source: MagCache, arXiv 2506.09045, as diffusers 0.42 has it (`hooks/mag_cache.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pab_bench.engine.places import At, Entrance, Run
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.calibratable import Calibratable
from pab_bench.methods.calibration_file import (
    Calibration,
    CalibrationRefused,
    how_to_calibrate,
)
from pab_bench.methods.facts import Need
from pab_bench.methods.follow import FollowRuns
from pab_bench.methods.magnitudes import RatiosRefused, Walk, is_ratio, read_ratios, walk
from pab_bench.methods.published_ratios import PUBLISHED_RATIOS
from pab_bench.methods.search import Search
from pab_bench.problems import InvalidSettings, Problem, Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan
    from pab_bench.engine.policy import Policy


@dataclass(frozen=True)
class MagCache(Calibratable):
    """The method `magcache`.

    Attributes:
        ratios: at every call the mean magnitude of what all blocks change, over that at the call
            before; 1 at the first. They belong to one model, scheduler and number of calls. Without
            ratios, file and calibration those are taken that were published, or that ship, for the
            model and its steps.
        file: has the ratios instead; see `magnitudes.read_ratios`. What it says, not its place, is
            part of a point's identity.
        calibration: has them instead, and what they hold for: what `task=calibrate` has written.
            Its digest is part of a point's identity. Where a step takes two calls, the ratios of
            the first, which is the conditional one, decide for both.
        steps: the number of calls that the ratios are picked for, as diffusers picks them, and that
            retention is a part of; None = as many as there are ratios.
        threshold: the largest accumulated error with which a call leaves the blocks out.
        most: so many calls in a row may leave them out.
        retention: the part of `steps` that computes in any case, at the beginning.
    """

    ratios: tuple[float, ...] | None = None
    file: Path | None = None
    calibration: Path | None = None
    steps: int | None = None
    threshold: float = 0.06
    most: int = 3
    retention: float = 0.2

    name: ClassVar[str] = "magcache"
    search: ClassVar[Search | None] = Search(
        "threshold", (0.01, 0.02, 0.03, 0.06, 0.12, 0.24, 0.48)
    )
    sources: ClassVar[tuple[str, ...]] = ("ratios", "file", "calibration")

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, and read the file.

        Raises:
            InvalidSettings: with all that is wrong.
        """
        problems = Problems("method")
        self.read_calibration(problems)
        problems.finite("threshold", self.threshold, 0, "of at least 0")
        problems.at_least("most", self.most, 1)
        if not 0 <= self.retention < 1:
            problems.add("retention", self.retention, "must be at least 0 and below 1")
        if self.steps is not None:
            problems.at_least("steps", self.steps, 2)
        known = self.ratios or ()
        if self.calibrated is not None:
            known = self.constants_of(self.calibrated)
        elif self.file is not None:
            try:
                known = read_ratios(self.file)
            except RatiosRefused as error:
                problems.found.append(Problem(f"method.file={self.file}", str(error)))
        elif self.ratios is not None and (len(known) < 2 or min(known) <= 0):
            problems.add("ratios", self.ratios, "must be at least two numbers above 0")
        problems.raise_if_any()
        object.__setattr__(self, "_known", known)

    @property
    def known(self) -> tuple[float, ...]:
        """The ratios, wherever they were said; empty where they were not."""
        known: tuple[float, ...] = self._known  # type: ignore[attr-defined]
        return known

    def constants_of(self, calibrated: Calibration) -> tuple[float, ...]:
        """The ratios of the first of a step's calls."""
        lanes = calibrated.fit.get("ratios")
        first = lanes[0] if isinstance(lanes, list) and lanes else None
        if not isinstance(first, list) or len(first) < 2 or not all(map(is_ratio, first)):
            raise CalibrationRefused("has no ratios of calls")
        return tuple(float(number) for number in first)

    @property
    def needs(self) -> frozenset[Need]:
        """The blocks in order."""
        return frozenset({"stack"})

    def settings(self) -> dict[str, Any]:
        """All that can be set; the ratios in place of the file, the calibration by its digest."""
        own = {**super().settings(), "ratios": list(self.known)}
        del own["file"], own["calibration"]
        # Points made before there were calibrations are those without.
        return own if self.label is None else {**own, "calibration": self.label}

    def filled(self, about: About) -> MagCache:
        """With the ratios that were published or that ship, where none are said."""
        published = PUBLISHED_RATIOS.get((about.model or "", about.steps))
        if published is not None and not self.known and not about.calibrating:
            return replace(self, ratios=published.used())
        shipped = self.shipped(about)
        return self if shipped is None else replace(self, calibration=shipped)

    def check(self, about: About, problems: Problems) -> None:
        """Ratios must be those of so many calls, unless it is said what they are picked for."""
        if about.calibrating:
            return
        if not self.known:
            problems.found.append(self._no_ratios(about))
            return
        if self.check_calibration(about, problems):
            return
        if about.calls is None:
            return
        if (problem := self._other_calls(about.calls)) is not None:
            problems.found.append(problem)
        elif self.steps not in (None, about.calls):
            problems.notices.append(
                f"method.steps={self.steps}: the transformer is called {about.calls} times; "
                "ratios are those of other calls, as where diffusers is told a wrong number"
            )

    def _no_ratios(self, about: About | None) -> Problem:
        how = "set method.ratios, method.file or method.calibration"
        if about is not None:
            how = how_to_calibrate(self.name, about)
        reason = "ratios belong to one model and number of calls, and none are known for this: "
        return Problem("method.ratios=null", f"{reason}{how}")

    def _other_calls(self, calls: int) -> Problem | None:
        if self.steps is not None or len(self.known) == calls:
            return None
        setting = "method.ratios=null" if self.file is None else f"method.file={self.file}"
        if self.calibration is not None:
            setting = f"method.calibration={self.calibration}"
        elif self.file is None:
            setting = f"method.ratios=[{len(self.known)} numbers]"
        reason = (
            f"are ratios of {len(self.known)} calls of the transformer, the sampler makes {calls}; "
            f"calibrate them anew, or set method.steps={calls} to pick among them"
        )
        return Problem(setting, reason)

    def walk(self, facts: Facts) -> Walk:
        """What is decided at every call, and by which number.

        Raises:
            InvalidSettings: if there are no ratios, or those of other calls.
        """
        if not self.known:
            raise InvalidSettings([self._no_ratios(None)])
        if self.calibrated is not None:
            self.calibrated.check_timesteps(facts.timesteps)
        if (problem := self._other_calls(facts.calls)) is not None:
            raise InvalidSettings([problem])
        begins = facts.transformers or (0,) * facts.calls
        anew = {c for c in range(facts.calls) if c == 0 or begins[c] != begins[c - 1]}
        limits = (self.threshold, self.most, self.retention)
        return walk(self.known, self.steps or len(self.known), facts.calls, limits, anew)

    def plan(self, facts: Facts) -> Plan:
        """Leave out all blocks, wherever the ratios say so."""
        # Deferred: settings are made before numpy is needed.
        import numpy as np

        from pab_bench.methods.tables import baseline_plan, last_computed, leave_out_blocks

        source = last_computed(self.walk(facts).computes)
        stack = np.repeat(source[:, None], len(facts.stack), axis=1)
        return leave_out_blocks(baseline_plan(facts), facts, stack)

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Follow the plan."""
        plan, errors = plan_of_facts(self, facts), self.walk(facts).errors
        whole = Run(0, len(facts.stack) - 1)
        return lambda: _Magnitudes(plan, [whole] * facts.calls, errors)


class _Magnitudes(FollowRuns):
    """What the blocks change in the video is added; the text leaves as it came, as upstream."""

    streams: ClassVar[int | None] = 1

    def __init__(self, plan: Plan, runs: list[Run], errors: tuple[float | None, ...]) -> None:
        super().__init__(plan, runs)
        self._errors = errors

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        error = self._errors[at.call]
        if error is not None:
            self.gates[at.lane, at.call] = error
        return super().leaves_out(at, entrance)
