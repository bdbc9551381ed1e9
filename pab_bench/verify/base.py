"""What a check is, what a verifier must offer, and how a difference becomes a check."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Measure = Literal["max abs difference", "relative L2", "relative", "exact"]


@dataclass(frozen=True)
class Check:
    """One comparison of ours with a golden value.

    Attributes:
        file: the golden file, relative to its folder.
        case: what was compared, unique within the file.
        measure: how the difference is expressed; for "exact" it is the number of deviations.
        value: the difference, >= 0; infinite where nothing could be compared.
        tolerance: the largest difference that passes.
        error: why nothing could be compared; empty otherwise.
    """

    file: str
    case: str
    measure: str
    value: float
    tolerance: float
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance; a NaN never is."""
        return not self.error and self.value <= self.tolerance


@runtime_checkable
class Verifier(Protocol):
    """Compares our code with the golden values of one kind of folder."""

    name: str

    def recognises(self, folder: Path) -> bool:
        """Tell from the files in it whether this verifier can check `folder`."""

    def run(self, folder: Path) -> Iterator[Check]:
        """Yield one check per comparison; a case that cannot be compared is a failed check."""


def check(
    file: str,
    case: str,
    tolerance: float,
    difference: Callable[[], float],
    measure: Measure = "max abs difference",
) -> Check:
    """Compute `difference` and judge it; an exception becomes a failed check with its text."""
    try:
        return Check(file, case, measure, float(difference()), tolerance)
    except Exception as error:  # One broken case must not hide the outcome of the others.
        return failed_check(file, case, f"{type(error).__name__}: {error}", tolerance, measure)


def failed_check(
    file: str,
    case: str,
    error: str,
    tolerance: float = 0.0,
    measure: Measure = "exact",
) -> Check:
    """A check that could not be made."""
    return Check(file, case, measure, math.inf, tolerance, error)


def run_checks(verifier: Verifier, folder: Path) -> list[Check]:
    """Run a verifier; its own exception, or the absence of any check, is a failed check."""
    checks: list[Check] = []
    try:
        checks.extend(verifier.run(folder))
    except Exception as error:
        checks.append(
            failed_check("", f"verifier {verifier.name}", f"{type(error).__name__}: {error}")
        )
    if not checks:
        checks.append(failed_check("", f"verifier {verifier.name}", "nothing could be checked"))
    return checks


def max_absolute_difference(ours: ArrayLike, golden: ArrayLike) -> float:
    """Largest absolute difference of two equally shaped arrays, in float64.

    Raises:
        ValueError: if the shapes differ (nothing is broadcast) or there is nothing to compare.
    """
    left, right = _pair(ours, golden)
    return float(np.max(np.abs(left - right)))


def relative_l2(ours: ArrayLike, golden: ArrayLike) -> float:
    """Norm of the difference over the norm of the golden array, in float64.

    Raises:
        ValueError: if the shapes differ (nothing is broadcast) or there is nothing to compare.
    """
    left, right = _pair(ours, golden)
    difference, size = np.linalg.norm(left - right), np.linalg.norm(right)
    if size == 0:
        return 0.0 if difference == 0 else math.inf
    return float(difference / size)


def _pair(ours: ArrayLike, golden: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.asarray(ours, dtype=np.float64), np.asarray(golden, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"expected the shape of the golden values {right.shape}, got {left.shape}")
    if left.size == 0:
        raise ValueError("expected at least one golden value, got none")
    return left, right
