"""What a method reaches between its settings: quality at a gain, and gain at a quality.

A setting has a gain, how many times less than the baseline it costs, and a quality. A method's
front are those of its settings that no other of them beats. Between two neighbours of the front
quality goes linearly over the logarithm of the gain; beyond its settings a method is not known, and
nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Front:
    """The settings of one method, drawn anew many times.

    Attributes:
        gains: of the settings, (settings,), above 0.
        goodness: their quality, more is better, (settings, draws).
    """

    gains: Numbers
    goodness: Numbers

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: there is no setting, or a gain is not above 0.
        """
        if not len(self.gains) or self.goodness.shape[:1] != self.gains.shape:
            raise ValueError("expected one row of quality for each gain, and at least one")
        if not (np.isfinite(self.gains) & (self.gains > 0)).all():
            raise ValueError(f"expected gains above 0, got {self.gains.tolist()}")

    def on_it(self) -> npt.NDArray[np.bool_]:
        """Which settings no other one beats, (settings, draws); of equal ones the first."""
        gains, own = self.gains[:, None], self.goodness
        beaten = np.zeros(own.shape, dtype=bool)
        for place, (gain, quality) in enumerate(zip(self.gains, own, strict=True)):
            as_good = (gain >= gains) & (quality >= own)
            better = (gain > gains) | (quality > own)
            earlier = np.arange(len(gains))[:, None] > place
            beaten |= as_good & (better | earlier)
        return ~beaten

    def quality_at(self, gain: float) -> Numbers:
        """The quality at a gain, (draws,).

        Where the settings of the smallest gains are beaten by a faster one, its quality is theirs.
        NaN where the gain is below that of all settings, or above it.
        """
        draws = self.goodness.shape[1]
        if not self.gains.min() <= gain <= self.gains.max():
            return np.full(draws, np.nan)
        front = self.on_it()
        gains = np.broadcast_to(self.gains[:, None], front.shape)
        above = np.where(front & (gains >= gain), gains, np.inf).argmin(axis=0)
        below = np.where(front & (gains <= gain), gains, -np.inf).argmax(axis=0)
        known = (front & (gains <= gain)).any(axis=0)
        below = np.where(known, below, above)
        place = np.arange(draws)
        share = _share(np.log(gain), np.log(self.gains[below]), np.log(self.gains[above]))
        low, high = self.goodness[below, place], self.goodness[above, place]
        return _between(low, high, share)

    def gain_bounds(self, quality: float) -> tuple[Numbers, Numbers]:
        """Between what the gain at a quality lies, twice (draws,).

        Both are `gain_at` where that is known. Where all settings are worse, it is below the gain
        of the best one. Where all are better it is the largest gain: so much was shown, and an
        end that nobody knows would put a slow method beside any that is faster.
        """
        found = self.gain_at(quality)
        absent = np.isnan(found)
        worse = (self.goodness < quality).all(axis=0)
        best = np.where(self.on_it(), self.gains[:, None], np.inf).min(axis=0)
        low = np.where(absent, np.where(worse, 0.0, self.gains.max()), found)
        high = np.where(absent, np.where(worse, best, self.gains.max()), found)
        return low, high

    def gain_at(self, quality: float) -> Numbers:
        """The gain at a quality, (draws,); NaN where all settings are better, or all are worse."""
        front, own = self.on_it(), self.goodness
        better, worse = front & (own >= quality), front & (own <= quality)
        nearest = np.where(better, own, np.inf).argmin(axis=0)
        other = np.where(worse, own, -np.inf).argmax(axis=0)
        place = np.arange(own.shape[1])
        share = _share(np.full(own.shape[1], quality), own[nearest, place], own[other, place])
        logs = np.log(self.gains)
        found: Numbers = np.exp(_between(logs[nearest], logs[other], share))
        found[~(better.any(axis=0) & worse.any(axis=0))] = np.nan
        return found


def one_draw(gains: Sequence[float], goodness: Sequence[float]) -> Front:
    """The front of settings whose quality is taken as it is.

    >>> front = one_draw([1.0, 4.0], [40.0, 20.0])
    >>> float(front.quality_at(2.0)[0]), float(front.gain_at(30.0)[0])
    (30.0, 2.0)
    >>> float(front.quality_at(5.0)[0])
    nan
    """
    return Front(np.array(gains, dtype=np.float64), np.array(goodness, dtype=np.float64)[:, None])


def _share(wanted: Numbers, start: Numbers, end: Numbers) -> Numbers:
    """How far along it lies; 0 where start and end are one."""
    apart = end - start
    same = apart == 0
    found: Numbers = np.where(same, 0.0, (wanted - start) / np.where(same, 1.0, apart))
    return found


def _between(start: Numbers, end: Numbers, share: Numbers) -> Numbers:
    found: Numbers = np.where(share == 0, start, start + share * (end - start))
    return found
