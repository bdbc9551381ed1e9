"""What MagCache decides of ratios of magnitudes, and files that have them.

Source: diffusers 0.42, `hooks/mag_cache.py`; numbers are 32-bit there, and so they are here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

_LARGEST = 1_000_000
"""Bytes; a file of ratios has some thousands."""


class RatiosRefused(ValueError):
    """A file is none of ratios."""


@dataclass(frozen=True)
class Walk:
    """The decisions of a video.

    Attributes:
        computes: at every call, whether the blocks are computed.
        errors: the accumulated error by which it was decided; None where it was not looked at.
    """

    computes: tuple[bool, ...]
    errors: tuple[float | None, ...]


def read_ratios(path: Path) -> tuple[float, ...]:
    """Read ratios from a JSON file: a list of numbers, or an object with the list as `ratios`.

    Args:
        path: the file.

    Raises:
        RatiosRefused: saying what is wrong with it.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise RatiosRefused(f"is larger than {_LARGEST} bytes: no file of ratios")
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RatiosRefused(f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RatiosRefused(f"is no JSON: {error}") from error
    found = content.get("ratios") if isinstance(content, dict) else content
    if not isinstance(found, list) or not all(map(is_ratio, found)) or len(found) < 2:
        raise RatiosRefused(
            "must be a list of at least two numbers above 0, or have one as `ratios`"
        )
    return tuple(float(number) for number in found)


def is_ratio(value: object) -> bool:
    """Whether a value that was read can be a ratio of magnitudes: a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > 0


def picked(ratios: Sequence[float], number: int) -> list[float]:
    """Pick as many ratios as wanted, each the nearest in place; none is multiplied with another.

    >>> picked([1.0, 1.1, 1.2, 1.3, 1.4], 3)
    [1.0, 1.2, 1.4]
    """
    # Deferred: settings are made before numpy is needed.
    import numpy as np

    if number == len(ratios):
        return list(ratios)
    scale = np.float32((len(ratios) - 1) / (number - 1))
    places = np.round(np.arange(number, dtype=np.float32) * scale).astype(int)
    return [ratios[place] for place in places]


def walk(
    ratios: Sequence[float],
    steps: int,
    calls: int,
    limits: tuple[float, int, float],
    anew: Collection[int] = (),
) -> Walk:
    """Decide all calls of a video.

    Args:
        ratios: of magnitudes, call after call.
        steps: the number of calls that they are picked for; after so many all begins anew.
        calls: of the transformer.
        limits: threshold of the accumulated error, most calls left out in a row, and the part of
            `steps` that computes in any case.
        anew: calls at which nothing is known of those before.
    """
    import numpy as np

    threshold, most, retention = limits
    own = [np.float32(ratio) for ratio in picked(ratios, steps)]
    kept = int(retention * steps + 0.5)
    computes: list[bool] = []
    errors: list[float | None] = []
    product, error, number = np.float32(1), np.float32(0), 0
    for call in range(calls):
        is_new = call in anew or call % steps == 0
        if is_new:
            product, error, number = np.float32(1), np.float32(0), 0
        if call % steps < kept:
            computes.append(True)
            errors.append(None)
            continue
        product, number = product * own[call % steps], number + 1
        error = error + abs(np.float32(1) - product)
        errors.append(float(error))
        computes.append(bool(is_new or error > np.float32(threshold) or number > most))
        if computes[-1]:
            product, error, number = np.float32(1), np.float32(0), 0
    return Walk(tuple(computes), tuple(errors))
