"""A mean, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mean:
    """A mean, or the reason why there is none.

    Attributes:
        value: the mean, finite, or None.
        count: how many values entered.
        reason: why `value` is None; empty otherwise.
        missing: the reasons of the values that could not enter, one each.
        lacking: whether something is lacked, for `value` or for those, that can be there later:
            weights, say, or a library.
    """

    value: float | None
    count: int = 0
    reason: str = ""
    missing: tuple[str, ...] = ()
    lacking: bool = False

    def __post_init__(self) -> None:
        """Refuse a value with a reason for its absence, and an absence without one."""
        if (self.value is None) != bool(self.reason):
            raise ValueError(f"expected a value or a reason, got {self.value!r}, {self.reason!r}")
