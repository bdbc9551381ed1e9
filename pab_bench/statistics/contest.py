"""Compares methods where they gain the same, and where they are as good; with uncertainty.

All numbers are drawn anew together: a draw has the same videos for every method and setting, so
that differences between methods are paired, and fronts are found anew in each draw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from pab_bench.statistics.bootstrap import (
    CONFIDENCE,
    RESAMPLES,
    SEED,
    Interval,
    draws,
    mean,
)
from pab_bench.statistics.fronts import Front, Numbers
from pab_bench.statistics.ranking import groups, ranks
from pab_bench.statistics.samples import Same, Samples, units_of
from pab_bench.statistics.summary import few

_Drawn = tuple[Numbers, Numbers]
"""Between what it lies in each draw; the same twice where it is known."""
_Ends = tuple[float, float]
Equal = Literal["speed", "quality"]
"""What methods are held equal in: then the other one is compared."""


@dataclass(frozen=True)
class Setting:
    """One setting of a method.

    Attributes:
        gain: how many times less than the baseline it costs, above 0.
        samples: its quality, by (prompt, seed).
    """

    gain: float
    samples: Samples


@dataclass(frozen=True)
class Standing:
    """How one method stands at a level.

    Attributes:
        method: its name.
        value: the quality, or the gain; None where the level is not reached.
        interval: of `value`; None with fewer than two units to draw from. Where too many draws do
            not reach the level the lower end of a gain is not known, and 0.
        rank: from 1; None where the level is not reached.
        group: from 1: who cannot be told apart from the best of the group; None likewise.
        difference: to the best of all, 0 for itself; None likewise.
        difference_interval: of it; likewise.
        first: share of the draws in which nobody is better; None without draws.
        reason: why there is no value; empty where there is one.
    """

    method: str
    value: float | None = None
    interval: Interval | None = None
    rank: int | None = None
    group: int | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    first: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Contest:
    """Methods under the same conditions, by one metric.

    Attributes:
        methods: settings by method.
        higher_is_better: of the metric.
        same: prompts that are the same video as an earlier one.
        confidence: of intervals.
        resamples: how often videos are drawn.
        seed: of the draws.
    """

    methods: Mapping[str, Sequence[Setting]]
    higher_is_better: bool
    same: Same | None = None
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES
    seed: int = SEED

    @cached_property
    def videos(self) -> list[tuple[object, object]]:
        """The videos that all settings have, which alone are compared."""
        sets = [setting.samples for own in self.methods.values() for setting in own]
        return [key for key in sets[0] if all(key in other for other in sets)] if sets else []

    @cached_property
    def note(self) -> str:
        """What limits the intervals; empty if nothing does."""
        if not self.videos:
            return "no video that all have"
        return few(*units_of(dict.fromkeys(self.videos, 0.0), self.same))

    @property
    def _way(self) -> float:
        return 1.0 if self.higher_is_better else -1.0

    @cached_property
    def _fronts(self) -> dict[str, tuple[Front, Front | None]]:
        """By method the front as it was found, and drawn anew; None with too little to draw."""
        return {name: self._front(own) for name, own in self.methods.items()}

    def _front(self, settings: Sequence[Setting]) -> tuple[Front, Front | None]:
        gains = np.array([setting.gain for setting in settings])
        units = [
            units_of({key: self._way * setting.samples[key] for key in self.videos}, self.same)[0]
            for setting in settings
        ]
        found = Front(gains, np.array([mean(own[np.newaxis]) for own in units]))
        if len(units[0]) < 2:
            return found, None
        # One seed and one number of units: the same videos in every setting of every method.
        drawn = np.array([draws(own, mean, self.resamples, self.seed) for own in units])
        return found, Front(gains, drawn)

    def at(self, equal: Equal, level: float) -> list[Standing]:
        """Compare the methods at a level.

        Args:
            equal: `speed`: all gain `level`, and quality is compared; `quality`: all have the
                quality `level`, and gains are compared.
            level: which.

        Returns:
            The methods that reach it, best first, then the others, each in the order of names.
        """
        if not self.videos:
            return [Standing(name, reason=self.note) for name in sorted(self.methods)]
        way = self._way if equal == "speed" else 1.0
        known: dict[str, tuple[float, _Drawn | None]] = {}
        missing = []
        for name, (front, drawn) in sorted(self._fronts.items()):
            value = float(self._along(front, equal, level)[0])
            if math.isnan(value):
                missing.append(Standing(name, reason=self._why(front, equal, level)))
            else:
                known[name] = value, None if drawn is None else self._bounds(drawn, equal, level)
        return self._standings(known, way) + missing

    def goodness_at(self, gain: float) -> dict[str, tuple[float, Numbers | None]]:
        """The quality of every method that has a gain, more is better, and the same drawn anew.

        Args:
            gain: which.

        Returns:
            By method, in the order of names; the draws are None with too little to draw from.
        """
        found = {}
        for name, (front, drawn) in sorted(self._fronts.items()) if self.videos else ():
            value = float(front.quality_at(gain)[0])
            if not math.isnan(value):
                found[name] = value, None if drawn is None else drawn.quality_at(gain)
        return found

    def _along(self, front: Front, equal: Equal, level: float) -> Numbers:
        return front.quality_at(level) if equal == "speed" else front.gain_at(self._way * level)

    def _bounds(self, front: Front, equal: Equal, level: float) -> _Drawn:
        if equal == "speed":  # Which gains a method has is the same in all draws.
            found = front.quality_at(level)
            return found, found
        return front.gain_bounds(self._way * level)

    def _why(self, front: Front, equal: Equal, level: float) -> str:
        if equal == "speed":
            low, high = front.gains.min(), front.gains.max()
            return f"not reached: its settings gain {low:.3g}x to {high:.3g}x"
        ends = [self._way * front.goodness[front.on_it()].min(), self._way * front.goodness.max()]
        return f"not reached: its settings have {min(ends):.4g} to {max(ends):.4g}"

    def _standings(
        self, known: Mapping[str, tuple[float, _Drawn | None]], way: float
    ) -> list[Standing]:
        """Those that reach a level; values are in the sense of goodness here."""
        names = list(known)
        values = [known[name][0] for name in names]
        if not names:
            return []
        best = max(range(len(names)), key=lambda place: values[place])

        def difference(one: int, other: int) -> _Ends | None:
            first, second = known[names[one]][1], known[names[other]][1]
            if first is None or second is None:
                return None
            return self._ends(first[0] - second[1], first[1] - second[0])

        def told_apart(one: int, other: int) -> bool:
            found = difference(one, other)
            return found is not None and not found[0] <= 0 <= found[1]

        numbers, places = groups(values, told_apart), ranks(values)
        shares = self._shares([known[name][1] for name in names])
        found = []
        for place, name in enumerate(names):
            value, drawn = known[name]
            own = None if drawn is None else self._ends(*drawn)
            apart = None if place == best else difference(place, best)
            found.append(
                Standing(
                    name,
                    way * value,
                    self._interval(own, way),
                    places[place],
                    numbers[place],
                    way * (value - values[best]),
                    self._interval(apart, way),
                    shares[place],
                )
            )
        return sorted(found, key=lambda standing: (standing.rank or 0, standing.method))

    def _ends(self, low: Numbers, high: Numbers) -> _Ends:
        """Ends of the percentile interval of what lies between two bounds in every draw."""
        tail = (1 - self.confidence) / 2
        return (
            float(np.quantile(low, tail, method="lower")),
            float(np.quantile(high, 1 - tail, method="higher")),
        )

    def _interval(self, ends: _Ends | None, way: float) -> Interval | None:
        """From goodness back to the metric."""
        if ends is None:
            return None
        low, high = sorted(way * end for end in ends)
        return Interval(low, high, self.confidence, "percentile bootstrap")

    def _shares(self, drawn: Sequence[_Drawn | None]) -> list[float | None]:
        """In which share of the draws nobody can be better, ties counted for all of them."""
        rows = [row for row in drawn if row is not None]
        if len(rows) < len(drawn):
            return [None] * len(drawn)
        most = np.max([high for _, high in rows], axis=0)
        return [float(np.mean(low == most)) for low, _ in rows]
