"""What windows come to: how many of the steps lie inside, and at which timesteps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pab_bench.methods.rules import GapRule, Rules
from pab_bench.methods.windows import FlatPart, Window, inside, window_json, window_text


@dataclass(frozen=True)
class Covered:
    """The steps of one window.

    Attributes:
        kind: whose window it is.
        window: the window.
        steps: calls of the transformer in all.
        inside: how many of them lie in the window.
        timesteps: of the first and the last of these; None if there are none.
    """

    kind: str
    window: Window
    steps: int
    inside: int
    timesteps: tuple[float, float] | None

    def __str__(self) -> str:
        """For notices: the window, and what it came to."""
        which = "" if self.timesteps is None else ", timesteps {} to {}".format(*self.timesteps)
        said = f"{self.kind}_threshold={window_text(self.window)}"
        return f"{said}: {self.inside} of {self.steps} steps{which}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "threshold": window_json(self.window),
            "steps": self.steps,
            "steps_inside": self.inside,
            "timesteps": None if self.timesteps is None else list(self.timesteps),
        }


def gap_rules(method: object) -> Iterator[tuple[str, GapRule]]:
    """The rules by gap that can reuse something, by kind; none of methods without rules."""
    rules = getattr(method, "rules", None)
    if not isinstance(rules, Rules):
        return
    by_kind = (
        ("spatial", rules.spatial),
        ("temporal", rules.temporal),
        ("cross", rules.cross),
        ("mlp", rules.mlp_spatial),
    )
    for kind, rule in by_kind:
        if isinstance(rule, GapRule) and rule.skip and rule.gap > 1:
            yield kind, rule


def covered(method: object, timesteps: Sequence[float]) -> list[Covered]:
    """Say what the windows of a method come to; windows that are not known yet are left out.

    Args:
        method: a point's.
        timesteps: at every call of the transformer.
    """
    found = []
    for kind, rule in gap_rules(method):
        if not isinstance(rule.threshold, FlatPart):
            found.append(cover(kind, rule.threshold, timesteps))
    return found


def cover(kind: str, window: Window, timesteps: Sequence[float]) -> Covered:
    """Say what one window comes to.

    Raises:
        NotKnownYet: of a window that the curves of a baseline are to tell.
    """
    within = inside(window, timesteps)
    times = [timestep for timestep, holds in zip(timesteps, within, strict=True) if holds]
    ends = (times[0], times[-1]) if times else None
    return Covered(kind, window, len(timesteps), len(times), ends)
