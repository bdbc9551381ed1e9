"""TeaCache's polynomial: from the change of the modulated input to that of the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from pab_bench.calibration.goodness import (
    TOO_FEW_HELD_OUT,
    TOO_FEW_PROMPTS,
    Numbers,
    errors_of,
    root_mean_square,
)
from pab_bench.calibration.measuring import Changes
from pab_bench.errors import PabBenchError


class CannotFit(PabBenchError):
    """What was measured determines no such constants; the message says why."""


@dataclass(frozen=True)
class Points:
    """Changes of inputs and outputs, one entry for every call that has one before.

    Attributes:
        inputs: float64.
        outputs: float64.
    """

    inputs: Numbers
    outputs: Numbers


def points_of(changes: Sequence[Changes], output: str) -> Points:
    """Collect the points of videos.

    Args:
        changes: of their lanes.
        output: `transformer`, what it returns; or `stream`, the tokens after the last block.
    """
    pairs = [
        pair
        for own in changes
        for pair in zip(
            own.inputs, own.outputs if output == "transformer" else own.streams, strict=True
        )
        if None not in pair
    ]
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return Points(table[:, 0], table[:, 1])


def fit_polynomial(points: Points, degree: int) -> tuple[float, ...]:
    """Fit by least squares, in float64.

    Args:
        points: at least `degree` + 1 different inputs.
        degree: of the polynomial.

    Returns:
        Coefficients, the highest power first.

    Raises:
        CannotFit: if there are too few points.
    """
    different = len(np.unique(points.inputs))
    if different <= degree:
        raise CannotFit(
            f"a polynomial of degree {degree} needs at least {degree + 1} calls with different "
            f"changes of the input, there are {different}"
        )
    # On the range mapped to [-1, 1], where powers of small numbers do not spoil the solution.
    ascending = Polynomial.fit(points.inputs, points.outputs, degree).convert().coef
    padded = np.zeros(degree + 1)
    padded[: len(ascending)] = ascending
    return tuple(float(own) for own in padded[::-1])


def evaluated(coefficients: Sequence[float], inputs: Numbers) -> Numbers:
    """The polynomial at inputs; the highest power comes first."""
    return np.polyval(np.asarray(coefficients, dtype=np.float64), inputs).astype(np.float64)


def shape_of(coefficients: Sequence[float], low: float, high: float) -> dict[str, Any]:
    """What a polynomial does between two inputs.

    Returns:
        `increasing`: whether it never decreases; `decreasing_share`: of the range; `turns`: inputs
        at which it turns; `least` and `most`: its values there.
    """
    derivative = np.polyder(np.asarray(coefficients, dtype=np.float64))
    roots = np.roots(derivative) if np.any(derivative) else np.array([])
    inner = sorted(float(r.real) for r in roots if abs(r.imag) < 1e-9 and low < r.real < high)
    edges = [low, *inner, high]
    falls = [bool(np.polyval(derivative, (a + b) / 2) < 0) for a, b in pairwise(edges)]
    turns = [edge for edge, (a, b) in zip(inner, pairwise(falls), strict=True) if a != b]
    decreasing = sum(b - a for (a, b), fall in zip(pairwise(edges), falls, strict=True) if fall)
    values = evaluated(coefficients, np.array(edges))
    return {
        "increasing": not any(falls),
        "decreasing_share": decreasing / (high - low),
        "turns": turns,
        "least": float(values.min()),
        "most": float(values.max()),
    }


def polynomial_fit(
    fitted: Mapping[str, Sequence[Changes]],
    held_out: Mapping[str, Sequence[Changes]],
    degree: int,
    output: str,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit the polynomial, and say how good it is.

    Args:
        fitted: by prompt, what is fitted.
        held_out: by prompt, what only tests the fit.
        degree: of the polynomial.
        output: as `points_of`.

    Returns:
        `fit` and `quality` of the calibration's file.

    Raises:
        CannotFit: if there are too few points.
    """
    points = points_of([own for videos in fitted.values() for own in videos], output)
    coefficients = fit_polynomial(points, degree)
    low, high = float(points.inputs.min()), float(points.inputs.max())
    others = points_of([own for videos in held_out.values() for own in videos], output)
    fit = {
        "coefficients": list(coefficients),
        "degree": degree,
        "output": output,
        "range": [low, high],
    }
    quality = {
        "fitted": errors_of(points.outputs, evaluated(coefficients, points.inputs)),
        "held_out": errors_of(others.outputs, evaluated(coefficients, others.inputs)),
        "held_out_outside": int(((others.inputs < low) | (others.inputs > high)).sum()),
        "held_out_missing": TOO_FEW_HELD_OUT if others.inputs.size == 0 else None,
        "left_out": _left_out(fitted, degree, output),
        "left_out_missing": TOO_FEW_PROMPTS if len(fitted) < 2 else None,
        "shape": shape_of(coefficients, low, high),
    }
    return fit, quality


def _left_out(
    fitted: Mapping[str, Sequence[Changes]], degree: int, output: str
) -> list[float | None]:
    """For every prompt the root mean square error of the fit to the other prompts."""
    found = []
    for prompt in fitted if len(fitted) > 1 else ():
        rest = [own for other, videos in fitted.items() if other != prompt for own in videos]
        coefficients = fit_polynomial(points_of(rest, output), degree)
        own = points_of(fitted[prompt], output)
        found.append(root_mean_square(own.outputs - evaluated(coefficients, own.inputs)))
    return found
