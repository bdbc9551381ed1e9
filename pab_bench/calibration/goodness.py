"""How well numbers are predicted by others; what cannot be told is None."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]

TOO_FEW_HELD_OUT = "no prompts are held out (calibrate.hold_out=0)"
TOO_FEW_PROMPTS = "one prompt alone was fitted"


def r_squared(values: Numbers, predicted: Numbers) -> float | None:
    """1 - (sum of squared errors) / (sum of squares about the mean).

    1 = exact, 0 = no better than the mean of the values; below 0 it is worse. None where there are
    no two different values.
    """
    if len(values) < 2:
        return None
    total = float(((values - values.mean()) ** 2).sum())
    return None if total == 0 else 1 - float(((values - predicted) ** 2).sum()) / total


def root_mean_square(errors: Numbers) -> float | None:
    """The root of the mean of squares; None of nothing."""
    return None if errors.size == 0 else float(np.sqrt((errors**2).mean()))


def errors_of(values: Numbers, predicted: Numbers) -> dict[str, Any]:
    """R², root mean square and largest error; each None where there are too few values."""
    errors = values - predicted
    return {
        "r2": r_squared(values, predicted),
        "rmse": root_mean_square(errors),
        "largest": None if errors.size == 0 else float(np.abs(errors).max()),
        "points": int(errors.size),
    }
