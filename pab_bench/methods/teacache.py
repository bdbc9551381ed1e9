"""TeaCache: all blocks are left out while what enters them changes by little.

Source: TeaCache, arXiv 2411.19108; ali-vilab/TeaCache, eval/teacache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pab_bench.engine.places import At, CallDecision, Entrance, Look, Place, Run, Tensor, Tensors
from pab_bench.engine.policy import Policy
from pab_bench.methods.base import About, Facts
from pab_bench.methods.calibratable import Calibratable
from pab_bench.methods.calibration_file import Calibration, CalibrationRefused, how_to_calibrate
from pab_bench.methods.estimate import Polynomial, Within, are_numbers, is_range
from pab_bench.methods.facts import Need
from pab_bench.methods.published import (
    Published,
    published_at_any_steps,
    refuse_unpublished_system,
    tell_other_use,
)
from pab_bench.methods.search import Search
from pab_bench.problems import Problem, Problems

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan

LAST_CALLS = ("index", "value")
OUTSIDE = ("warn", "clamp")

PUBLISHED: Published = {
    ("latte", 50): {
        "coefficients": (-2464.34137, 308.044764, 80.7447667, -4.11385132, 0.111001402)
    },
    ("open_sora", 30): {
        "coefficients": (217.546007, -118.329252, 26.8662585, -0.0459364272, 0.048442624)
    },
    ("open_sora_plan", 150): {
        "coefficients": (205943.668, -14875.9286, 306.085986, 1.3141808, 0.00239658469)
    },
}
"""By system and denoising steps, of the released checkpoints.

Source: ali-vilab/TeaCache 7c10efc, eval/teacache/experiments.
"""


@dataclass(frozen=True)
class TeaCache(Calibratable):
    """The method `teacache`.

    Attributes:
        threshold: blocks compute once the estimated changes have come to it.
        coefficients: of the polynomial that estimates from the change of the first self-attention's
            modulated input how much the output changes, highest power first.
        calibration: has the polynomial and the range instead: what `task=calibrate` has written.
            Its digest is part of a point's identity. Without either, that which ships for the
            model, steps and guidance is taken, or else what was published for the system.
        range: smallest and largest change of the input to which the polynomial was fitted; null = a
            calibration's, or not known.
        outside: what is done of a change out of that range: `warn` evaluates the polynomial there
            all the same, and says so; `clamp` at the nearest end of the range.
        last_call: what is the last call, which always computes as the first does: `index` the last
            of the video; `value` any whose timestep equals the truncated one of the last, as
            upstream: where that is no whole number, none does.
    """

    threshold: float = 0.1
    coefficients: tuple[float, ...] | None = None
    last_call: Literal["index", "value"] = "index"
    calibration: Path | None = None
    range: tuple[float, ...] | None = None
    outside: Literal["warn", "clamp"] = "warn"

    name: ClassVar[str] = "teacache"
    search: ClassVar[Search | None] = Search(
        "threshold", (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
    )
    sources: ClassVar[tuple[str, ...]] = ("coefficients", "calibration")

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, and read the calibration.

        Raises:
            InvalidSettings: with all that is wrong.
        """
        problems = Problems("method")
        self.read_calibration(problems)
        problems.finite("threshold", self.threshold, 0, "of at least 0")
        problems.choice("last_call", self.last_call, LAST_CALLS)
        own = self.coefficients
        if own is not None and (len(own) < 2 or not all(map(isfinite, own))):
            message = "must be at least two finite numbers, that of the highest power first"
            problems.add("coefficients", own, message)
        problems.choice("outside", self.outside, OUTSIDE)
        fitted = self.range
        if fitted is not None and self.calibration is not None:
            problems.add("range", fitted, "is what method.calibration says; set one of them")
        elif fitted is not None and not is_range(fitted):
            message = "must be two finite numbers, at least 0, the smaller one first"
            problems.add("range", fitted, message)
        problems.raise_if_any()

    @property
    def polynomial(self) -> tuple[float, ...]:
        """The coefficients, wherever they were said; empty where they were not."""
        own = self.calibrated
        return self.constants_of(own)[0] if own is not None else self.coefficients or ()

    @property
    def fitted(self) -> tuple[float, ...] | None:
        """The range, wherever it was said; None where it was not."""
        return self.range if self.calibrated is None else self.constants_of(self.calibrated)[1]

    def constants_of(self, calibrated: Calibration) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Coefficients and range."""
        own, fitted = calibrated.fit.get("coefficients"), calibrated.fit.get("range")
        if not are_numbers(own) or len(own) < 2:
            raise CalibrationRefused("has no polynomial")
        if not are_numbers(fitted) or not is_range(fitted):
            raise CalibrationRefused("does not say where its polynomial was fitted")
        return tuple(map(float, own)), tuple(map(float, fitted))

    def settings(self) -> dict[str, Any]:
        """All that can be set; constants in place of the calibration, which its digest is of."""
        own = {**super().settings(), "coefficients": list(self.polynomial)}
        own["range"] = None if self.fitted is None else list(self.fitted)
        return {**own, "calibration": self.label}

    @property
    def needs(self) -> frozenset[Need]:
        """The blocks in order, and what the first self-attention is given."""
        return frozenset({"stack", "modulation"})

    def filled(self, about: About) -> TeaCache:
        """With the polynomial that ships or was published where none is said."""
        if about.calibrating or self.polynomial:
            return self
        shipped = self.shipped(about)
        if shipped is not None:
            return replace(self, calibration=shipped)
        return replace(self, **published_at_any_steps(self, PUBLISHED, about))

    def check(self, about: About, problems: Problems) -> None:
        """Where no polynomial was published it must be said; a calibration holds for its own."""
        if about.calibrating or self.check_calibration(about, problems):
            return
        if self.outside == "clamp" and self.fitted is None:
            reason = "needs a range: method.range=[LOW,HIGH] or method.calibration; or take warn"
            problems.found.append(Problem("method.outside=clamp", reason))
        if self.calibrated is not None:
            return
        how = how_to_calibrate(self.name, about)
        refuse_unpublished_system(self, "coefficients", PUBLISHED, about, problems, how)
        tell_other_use(self, "coefficients", PUBLISHED, about, problems)

    def plan(self, facts: Facts) -> Plan | None:
        """None: it depends on the video.

        Raises:
            InvalidSettings: if the timesteps are others than those of the calibration.
        """
        if self.calibrated is not None:
            self.calibrated.check_timesteps(facts.timesteps)
        return None

    def sure_calls(self, facts: Facts) -> int:
        """The first."""
        return 1

    def protected_calls(self, facts: Facts) -> frozenset[int]:
        """The last, where it is known by its index."""
        return frozenset({facts.calls - 1} if self.last_call == "index" else ())

    def policy(self, facts: Facts) -> Callable[[], Policy]:
        """Accumulate estimated changes."""
        polynomial, fitted = Polynomial(self.polynomial), self.fitted
        kind = _Accumulated if self.last_call == "index" else _AccumulatedByValue
        clamps = self.outside == "clamp"

        def make() -> Policy:
            estimate = polynomial if fitted is None else Within(polynomial, fitted, clamps)
            return kind(estimate, self.threshold, facts)

        return make

    def remarks(self, gates: Sequence[Mapping[tuple[int, int], float]]) -> list[str]:
        """Whether sums of estimated changes were negative, in which videos."""
        negative = [min(own.values()) for own in gates if own and min(own.values()) < 0]
        if not negative:
            return []
        return [
            f"method=teacache: the accumulated estimate was negative in {len(negative)} of "
            f"{len(gates)} videos (down to {min(negative):.4g}): the polynomial is negative where "
            "inputs change by so much, and blocks are left out until the sum has recovered"
        ]


def relative_change(new: Tensor, old: Tensor) -> float:
    """Mean absolute difference over mean absolute value of the old, in the dtype of both.

    Args:
        new: any tensor.
        old: of its shape.
    """
    return float((new - old).abs().mean() / old.abs().mean())


class _Accumulated(Policy):
    """State per lane: the sum, the last call's modulated input, what the blocks changed last."""

    places: ClassVar[frozenset[Place]] = frozenset({"stack"})

    def __init__(
        self,
        estimate: Callable[[float], float],
        threshold: float,
        facts: Facts,
    ) -> None:
        self._estimate, self._threshold = estimate, threshold
        self._run, self._last = Run(0, len(facts.stack) - 1), facts.calls - 1
        self._sums: dict[int, float] = {}

    def computes_surely(self, at: At, entrance: Entrance) -> bool:
        """Whether a call computes whatever has changed."""
        return at.begins or at.call == self._last

    def gate_decides(self, quantity: float) -> bool:
        return quantity >= self._threshold

    def run(self, at: At) -> Run:
        return self._run

    def leaves_out(self, at: At, entrance: Entrance) -> bool:
        address = at.lane, "modulated input"
        given = entrance.modulated_input()
        if self.computes_surely(at, entrance):
            computes = True
        else:
            (before,) = self.memory.get(address, last=False)
            self._sums[at.lane] += self._estimate(relative_change(given, before))
            self.gates[at.lane, at.call] = self._sums[at.lane]
            computes = self.gate_decides(self._sums[at.lane])
        if computes:
            self._sums[at.lane] = 0.0
        # The change is since the call before, whether that has computed or not.
        self._keep(at, address, (given,))
        return not computes

    def run_ended(self, at: At, entrance: Entrance, tokens: Tensors) -> None:
        pairs = zip(tokens, entrance.tokens, strict=True)
        self._keep(at, (at.lane, "change"), tuple(left - came for left, came in pairs))

    def run_output(self, at: At, entrance: Entrance) -> Tensors:
        changes = self.memory.get((at.lane, "change"), last=at.call == self._last)
        pairs = zip(entrance.tokens, changes, strict=True)
        return tuple(came + change for came, change in pairs)

    def _keep(self, at: At, address: Any, tensors: Tensors) -> None:
        if at.call < self._last:
            self.memory.put(address, tensors)


class _AccumulatedByValue(_Accumulated):
    """The last call is known by its timestep, which the transformer is called with."""

    places: ClassVar[frozenset[Place]] = frozenset({"call", "stack"})

    def __init__(self, estimate: Callable[[float], float], threshold: float, facts: Facts) -> None:
        super().__init__(estimate, threshold, facts)
        self._ends = {int(facts.timesteps[0]), int(facts.timesteps[-1])}
        self._timestep: Tensor

    def at_call(self, at: At, look: Look) -> CallDecision:
        self._timestep = look.timestep
        return CallDecision.COMPUTE

    def computes_surely(self, at: At, entrance: Entrance) -> bool:
        value = self._timestep
        if value.is_floating_point():  # The transformer computes with it in its own dtype.
            value = value.to(entrance.tokens[0].dtype)
        return at.begins or float(value) in self._ends
