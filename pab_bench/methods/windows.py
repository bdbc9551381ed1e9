"""Windows: which denoising steps may reuse, by timestep, as a share of all, or by the curve."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

AUTO = "auto"
ALLOWED = "[low,high] timesteps, steps:[FROM,TO] (shares of the steps from 0 to 1), or auto"
_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_SHARES = re.compile(rf"steps:\s*\[\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\]")

SaidWindow = Sequence[int] | str | None
"""A window as it stands in a configuration; None where it says nothing."""


@dataclass(frozen=True)
class StepShare:
    """The steps of which a share lies before them: `steps:[low,high]`.

    Step i of n, counted from 0, which is the noisiest, is inside if low <= i / n < high: 0 is the
    first step, 1 the place after the last. Neighbouring windows share no step, and [0, 1] has all.
    Where a scheduler calls the transformer more often than it has steps (PNDM), calls are counted.

    Attributes:
        low: from 0, included.
        high: up to 1, excluded.

    Example:
        >>> share = StepShare(0.1, 0.6)
        >>> [step for step in range(10) if share.holds(step, 10)]
        [1, 2, 3, 4, 5]
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse what is no part of a whole."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"threshold: shares of the steps must be finite, got {self}")
        if not 0 <= self.low < self.high <= 1:
            raise ValueError(f"threshold: must be 0 <= low < high <= 1, got {self}")

    def __str__(self) -> str:
        """As it is written in a configuration."""
        return f"steps:[{self.low:.12g},{self.high:.12g}]"

    def holds(self, step: int, steps: int) -> bool:
        """Whether `step` of `steps` lies inside."""
        return self.low <= step / steps < self.high


@dataclass(frozen=True)
class FlatPart:
    """`auto`: where attention differences of a baseline are flat, which its curves have to say."""

    def __str__(self) -> str:
        """As it is written in a configuration."""
        return AUTO


Window = tuple[int, int] | StepShare | FlatPart
"""(low, high) timesteps, both excluded; a share of the steps; or what is not known yet."""


class NotKnownYet(ValueError):
    """A window that only the curves of a baseline tell, asked before they were read."""


def inside(window: Window, timesteps: Sequence[float]) -> list[bool]:
    """Tell for every step whether it lies in a window.

    Args:
        window: which.
        timesteps: at every call of the transformer, in order.

    Raises:
        NotKnownYet: of a window that the curves of a baseline are to tell.
    """
    if isinstance(window, FlatPart):
        raise NotKnownYet("threshold=auto: its window is not known before a baseline was sampled")
    if isinstance(window, StepShare):
        return [window.holds(step, len(timesteps)) for step in range(len(timesteps))]
    low, high = window
    return [low < timestep < high for timestep in timesteps]


def window_text(window: Window) -> str:
    """A window as it is written on the command line."""
    return f"[{window[0]},{window[1]}]" if isinstance(window, tuple) else str(window)


def window_json(window: Window) -> list[int] | str:
    """A window as plain data: a list of two timesteps, or a text."""
    return list(window) if isinstance(window, tuple) else str(window)


def is_window(value: object) -> bool:
    """Whether a value has the form of a window, be it a possible one or not."""
    if isinstance(value, str):
        return value == AUTO or value.startswith("steps:")
    if not isinstance(value, list | tuple):
        return False
    return all(isinstance(entry, int) and not isinstance(entry, bool) for entry in value)


def read_window(value: Sequence[int] | str) -> Window:
    """Read a window as a configuration has it.

    Raises:
        ValueError: if it is impossible; the message says what is allowed.

    Example:
        >>> read_window("steps:[.1,.6]"), read_window([100, 800])
        (StepShare(low=0.1, high=0.6), (100, 800))
    """
    if isinstance(value, str):
        return _read_text(value)
    if len(value) != 2:
        raise ValueError("must be two timesteps [low,high]")
    if value[0] >= value[1]:
        raise ValueError("must be [low,high] timesteps with low below high")
    return (value[0], value[1])


def _read_text(text: str) -> Window:
    if text == AUTO:
        return FlatPart()
    found = _SHARES.fullmatch(text)
    if found is None:
        raise ValueError(f"must be {ALLOWED}")
    low, high = (float(number) for number in found.groups())
    if not 0 <= low < high <= 1:
        raise ValueError(
            "must be steps:[FROM,TO] with 0 <= FROM < TO <= 1: shares of the steps, of which 0 is "
            "the first and 1 the place after the last"
        )
    return StepShare(low, high)
