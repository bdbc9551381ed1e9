"""Whole videos, sampled in turns: the judge of what was predicted from their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from pab_bench.statistics.bootstrap import CONFIDENCE
from pab_bench.timings.estimate import Figure
from pab_bench.timings.rounds import CLOCKS, ClockName

FEWEST_TURNS = 2


@dataclass(frozen=True)
class TimedVideos:
    """Turns of one process, by one clock.

    In a turn the baseline and every plan are sampled in a random order, and then in the reverse of
    it: what drifts evenly is in neither side of a ratio.

    Attributes:
        clock: which.
        threads: with how many the processor computed.
        created: when, UTC.
        seconds: per turn, by name of the plan, the two times of denoising; `baseline` is one.
    """

    clock: ClockName
    threads: int
    created: str
    seconds: Sequence[Mapping[str, Sequence[float]]]


BASELINE_VIDEOS = "baseline"


def videos_speedup(plan: str, timed: Sequence[TimedVideos]) -> tuple[Figure, ClockName] | None:
    """The speedup of whole videos and its clock; None if there are fewer than two turns.

    The geometric mean over turns, with Student's interval of its logarithm.

    Args:
        plan: its name among the timings.
        timed: all that was timed under a key.
    """
    for clock in CLOCKS:
        logs = [
            float(np.log(sum(turn[BASELINE_VIDEOS]) / sum(turn[plan])))
            for videos in timed
            if videos.clock == clock
            for turn in videos.seconds
            if plan in turn
        ]
        if len(logs) >= FEWEST_TURNS:
            mean, error = np.mean(logs), np.std(logs, ddof=1) / np.sqrt(len(logs))
            reach = student.ppf((1 + CONFIDENCE) / 2, len(logs) - 1) * error
            ends = np.exp([mean, mean - reach, mean + reach])
            return Figure(*map(float, ends)), clock
    return None
