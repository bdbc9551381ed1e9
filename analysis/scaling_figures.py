"""The figures of predictions, by name: those that `task=scaling` draws, and sweeps show again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.figures.bytes_per_call import bytes_per_call
from analysis.figures.frames_or_tokens import frames_or_tokens
from analysis.figures.gain_by_bandwidth import gain_by_bandwidth
from analysis.figures.predicted_speedup import predicted_speedup
from analysis.figures.speedup_parts import speedup_parts
from analysis.scaling_data import ScalingPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def scaling_figures() -> Mapping[str, Callable[[Sequence[ScalingPoint]], Figure]]:
    """Every figure by the name of its file; each is called with the points of `scaling.json`."""
    made = (
        predicted_speedup,
        speedup_parts,
        gain_by_bandwidth,
        frames_or_tokens,
        bytes_per_call,
    )
    return {draw.__name__: draw for draw in made}
