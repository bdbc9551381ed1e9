"""What a verifier found in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pab_bench.verify.base import Check


@dataclass(frozen=True)
class Outcome:
    """What a verifier found in a folder."""

    folder: Path
    verifier: str
    checks: tuple[Check, ...]

    @property
    def made(self) -> tuple[Check, ...]:
        """All checks but those that were left out by intent."""
        return tuple(check for check in self.checks if not check.left_out)

    @property
    def passed(self) -> int:
        """Number of passed checks."""
        return sum(check.passed for check in self.checks)

    def summary(self) -> str:
        """One line: folder, verifier, passed of all, and how many were left out."""
        made = len(self.made)
        left_out = len(self.checks) - made
        return (
            f"{'pass' if self.passed == made else 'FAIL'}: {self.folder} ({self.verifier}): "
            f"{self.passed} of {made} checks passed"
            + (f", {left_out} left out with a reason" if left_out else "")
        )


@dataclass(frozen=True)
class MethodOnModel:
    """All checks of an acceleration method on a model.

    Attributes:
        method: the method.
        model: the model.
        checks: in the order in which they were made.
    """

    method: str
    model: str
    checks: tuple[Check, ...]

    def largest(self, measure: str) -> float | None:
        """The largest difference by a measure; None where nothing was compared by it."""
        made = (check for check in self.checks if check.measure == measure and not check.left_out)
        return max((check.value for check in made), default=None)


def by_method(outcomes: Sequence[Outcome]) -> Iterator[MethodOnModel]:
    """Put the checks together that are of one method and one model."""
    together: dict[tuple[str, str], list[Check]] = {}
    for outcome in outcomes:
        for check in outcome.checks:
            if check.method:
                together.setdefault((check.method, check.model), []).append(check)
    for (method, model), checks in sorted(together.items()):
        yield MethodOnModel(method, model, tuple(checks))
