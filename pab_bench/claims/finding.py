"""What came out of testing one claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pab_bench.claims.verdict import MINIMAL_LOG_RATIO, UNDECIDED, Verdict, judge
from pab_bench.statistics import Difference, Interval
from pab_bench.statistics.samples import Samples, units_of

Scale = Literal["log ratio", "rank correlation"]

TITLES: Mapping[str, str] = {
    "left_arm": "first 15 % above middle",
    "right_arm": "last 15 % above middle",
    "u_shape": "U-shape: both arms",
    "stable_segment": "stable segment inside",
    "ranking": "ranking in the middle",
    "prompt_stability": "same for every prompt",
    "seed_stability": "same for every seed",
}
"""The claims, in the order in which they are shown."""


@dataclass(frozen=True)
class Finding:
    """A claim about one kind (or a pair), and what speaks for or against it.

    Attributes:
        claim: one of `TITLES`.
        about: the kind, or for the ranking the pair.
        verdict: see `pab_bench.claims.verdict`.
        effect: log ratio or rank correlation; None if it cannot be computed.
        scale: what the effect is.
        boundary: the smallest effect that would matter, on the same scale.
        interval: of the effect; None where there are too few videos.
        standardised: the effect in standard deviations between videos (Cohen's d_z); None where
            there is no spread, or the claim has none.
        videos: how many it rests on.
        units: what was drawn, as text: `4 prompts`.
        reason: why it is undecided; empty if it is not.
        note: what limits the numbers; empty if nothing does.
        details: more about this claim, plain data.
    """

    claim: str
    about: str
    verdict: Verdict
    effect: float | None
    scale: Scale
    boundary: float
    interval: Interval | None = None
    standardised: float | None = None
    videos: int = 0
    units: str = ""
    reason: str = ""
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        interval = None if self.interval is None else [self.interval.low, self.interval.high]
        return {
            "claim": self.claim,
            "title": TITLES[self.claim],
            "about": self.about,
            "verdict": self.verdict,
            "effect": self.effect,
            "scale": self.scale,
            "boundary": self.boundary,
            "interval": interval,
            "interval_method": None if self.interval is None else self.interval.method,
            "standardised": self.standardised,
            "videos": self.videos,
            "units": self.units,
            "reason": self.reason,
            "note": self.note,
            "details": dict(self.details),
        }


def count_units(samples: Samples) -> tuple[int, str]:
    """How many independent units videos make, and what a unit is: `prompt` or `seed`."""
    units, kind = units_of(samples)
    return len(units), kind


def units_text(count: int, kind: str) -> str:
    """A number of units for people.

    >>> units_text(1, "prompt"), units_text(4, "seed")
    ('1 prompt', '4 seeds')
    """
    return f"{count} {kind}{'s' * (count != 1)}"


def from_log_ratio(claim: str, about: str, samples: Samples, found: Difference) -> Finding:
    """The finding on a claim that one quantity is larger than another.

    Args:
        claim: one of `TITLES`.
        about: of what.
        samples: the log ratio of every video for which there is one.
        found: what `pab_bench.statistics.compare` says of the two.
    """
    if not samples:
        reason = "no video has a positive difference in both segments"
        return Finding(claim, about, UNDECIDED, None, "log ratio", MINIMAL_LOG_RATIO, reason=reason)
    count, kind = count_units(samples)
    verdict, reason = judge(found.interval, count, kind, MINIMAL_LOG_RATIO)
    return Finding(
        claim,
        about,
        verdict,
        found.mean,
        "log ratio",
        MINIMAL_LOG_RATIO,
        found.interval,
        found.effect_size,
        found.count,
        units_text(count, kind),
        reason,
        found.note,
    )
