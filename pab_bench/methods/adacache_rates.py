"""The rates of AdaCache: at which calls all blocks compute, by how much residuals have changed.

Source: AdaCache, arXiv 2411.02397, sections 4.1 and 4.2; AdaCache-DiT/AdaCache 2c6d3ca, its STDiT3.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

ENTRIES = 6
"""Of a codebook; the last threshold is never compared with."""


def codebook_rate(value: float, thresholds: Sequence[float], rates: Sequence[int]) -> int:
    """Look up after how many calls the blocks compute again.

    Args:
        value: what is compared; not a number counts as larger than all.
        thresholds: six numbers, each larger than the one before. The last is never compared with.
        rates: one for each.

    Returns:
        The rate of the first of five thresholds that is above the value, else the last.

    >>> [codebook_rate(x, (0.1, 0.2, 0.3, 0.4, 0.5, 1.0), (6, 5, 4, 3, 2, 1)) for x in (0, 0.1, 9)]
    [6, 5, 1]
    """
    pairs = zip(thresholds[: ENTRIES - 1], rates, strict=False)
    return next((rate for threshold, rate in pairs if value < threshold), rates[-1])


class Rates:
    """The rate of all blocks in one lane of one video.

    Args:
        thresholds: of the codebook.
        rates: of the codebook.
        protected: calls that compute whatever the rate is.
        gradient: how much a change of motion counts.

    Attributes:
        rate: that is in force in this call.
        computes: whether the blocks compute in this call.
    """

    def __init__(
        self,
        thresholds: Sequence[float],
        rates: Sequence[int],
        protected: Collection[int],
        gradient: float,
    ) -> None:
        self._thresholds, self._rates = thresholds, rates
        self._protected = protected
        self._gradient = gradient
        self._call, self.computes = -1, False
        self._begin_anew(0)

    def _begin_anew(self, call: int) -> None:
        self.rate = self._coming = 1
        self._computed = call - 1
        self._motion: dict[Hashable, float] = {}

    def begin_call(self, call: int, anew: bool = False) -> bool:
        """Decide whether the blocks compute in a call; asked again in it, the answer is the same.

        Args:
            call: its number, from 0.
            anew: whether nothing is known of the calls before.
        """
        if call == self._call:
            return self.computes
        self._call = call
        if anew:
            self._begin_anew(call)
        self.rate = self._coming
        self._mean, self._count = 0.0, 0
        self.computes = call == self._computed + self.rate or call in self._protected
        if self.computes:
            self._computed = call
        return self.computes

    def changed(self, place: Hashable, change: float, motion: float = 1.0) -> float:
        """Set the rate that is in force from the next call on, by what one place has changed.

        Of several places in a call, each is averaged with those before, and the last one sets the
        rate.

        Args:
            place: where it was measured; a change of motion is one of the same place.
            change: the relative change since the last computed call.
            motion: of the frames, 1 = it is of no account.

        Returns:
            What the codebook was asked about.
        """
        self._mean = (change / self.rate + self._count * self._mean) / (self._count + 1)
        self._count += 1
        gradient = self._gradient * (motion - self._motion.get(place, 1.0)) / self.rate
        self._motion[place] = motion
        value = self._mean * (motion + abs(gradient))
        self._coming = codebook_rate(value, self._thresholds, self._rates)
        return value
