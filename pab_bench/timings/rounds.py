"""What a timing pass measures: rounds of calls, each beside calls that reuse nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

ClockName = Literal["wall", "cpu", "cuda"]
CLOCKS: Mapping[ClockName, str] = {
    "wall": "wall time",
    "cpu": "processor time of one thread, since the machine was busy",
    "cuda": "CUDA events",
}
"""By preference where there are several, and what they are called."""
CONTROL = "control"
"""Of calls that reuse nothing, timed as if they were a class of their own: their ratio to the
reference is 1 if nothing but the calls is measured."""


@dataclass(frozen=True)
class Round:
    """One turn through all classes.

    Attributes:
        seconds: of one call, by the name of its class; what was disturbed is left out.
        reference: by the same names, seconds of a call that reuses nothing, right before or after.
        sampler: by the number of denoising steps, seconds of a whole video without its transformer.
        parts: by kind, the share of a call that reuses nothing; empty where it was not looked at.
        calls: how many were made, without those that are references; several of frequent classes,
            whose seconds are the median.
        disturbed: how many of them were left out.
        machine: what was seen of it meanwhile; see `pab_bench.speed.watch`.
    """

    seconds: Mapping[str, float]
    reference: Mapping[str, float]
    sampler: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    calls: int = 0
    disturbed: int = 0
    machine: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TimingPass:
    """Rounds of one process, by one clock.

    Attributes:
        clock: which.
        threads: with how many the processor computed.
        created: when, UTC.
        rounds: in order.
        took_s: wall seconds from the first call to the last, whatever it was made for.
    """

    clock: ClockName
    threads: int
    created: str
    rounds: Sequence[Round]
    took_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TimingPass:
        """Read what `to_json` wrote.

        Raises:
            TypeError: if it has other fields.
        """
        return cls(**{**content, "rounds": [Round(**entry) for entry in content["rounds"]]})


@dataclass(frozen=True)
class TimedPlan:
    """A plan whose classes were timed.

    Attributes:
        steps: denoising steps of a video.
        calls: of the transformer.
        classes: how many of each class, by name.
        reused: by kind, how many calls' worth of its sites are reused.
        baseline_steps: denoising steps of its baseline; None = as many.
        baseline_calls: of the transformer, in its baseline; None = as many.
    """

    steps: int
    calls: int
    classes: Mapping[str, int]
    reused: Mapping[str, float]
    baseline_steps: int | None = None
    baseline_calls: int | None = None
