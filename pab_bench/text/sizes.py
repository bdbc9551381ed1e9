"""Amounts of memory, for people."""

from __future__ import annotations

_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(number: float) -> str:
    """Bytes in the unit in which they are at least 1.

    Example:
        >>> size(500), size(61_931_520_000)
        ('500 B', '57.68 GiB')
    """
    power = 0
    while number >= _STEP and power < len(_UNITS) - 1:
        number /= _STEP
        power += 1
    return f"{number:.4g} {_UNITS[power]}"
