"""VBench's motion smoothness: what AMT-S guesses between two frames against the frame there was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.errors import MetricUndefined
from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Values
from pab_bench.metrics.batches import unit_samples
from pab_bench.metrics.vbench.dimension import VbenchMetric
from pab_bench.metrics.vbench.formulas import smoothness
from pab_bench.metrics.vbench.transforms import padded
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    import torch

SMALLEST_SIDE = 128
"""Of the padded frames: in smaller ones the coarsest of the network's maps is a single place, and
VBench divides by zero."""


@dataclass(frozen=True)
class MotionSmoothness(VbenchMetric):
    """VBench's motion smoothness."""

    name = "motion_smoothness"
    column = "motion_smoothness"
    label = "Motion smoothness"
    value_range = (0.0, 1.0)
    per = "frame pair"
    definition = (
        "AMT-S guesses each dropped odd frame from the even frames around it (sides padded to "
        "multiples of 16); (255 - mean absolute difference) / 255; mean over odd frames"
    )
    source = "VBench vbench/motion_smoothness.py"
    weights = (
        WeightFile(
            "amt_model/amt-s.pth",
            "vbench",
            "https://huggingface.co/lalala125/AMT/resolve/main/amt-s.pth",
        ),
    )
    fewest_frames = 3

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Smoothness per pair of even frames, shape ((frames - 1) // 2,), range 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if there are fewer than three frames, they are too small, or the
                weights are missing, with the file.
        """
        del reference, about
        (path,) = self.files(video)
        check_padded(self.name, video, 16, SMALLEST_SIDE)
        import torch

        network = load_amt(path, self.device)
        found = []
        with torch.inference_mode():
            for start in range(0, len(video) - 2, 2):
                three = video[start : start + 3]
                even, inside = padded(unit_samples(three[::2], self.device), 16)
                guess = network(even[:1], even[1:])[0][:, *inside]
                found.append(smoothness(three, guess.permute(1, 2, 0).cpu().numpy()[np.newaxis]))
        return np.concatenate(found)


def check_padded(metric: str, video: Frames, multiple: int, smallest: int) -> None:
    """Raise `MetricUnavailable` if a side, rounded up to a multiple, is shorter than needed."""
    height, width = video.shape[1:3]
    if min(height, width) <= smallest - multiple:
        least = smallest - multiple + 1
        raise MetricUndefined(
            f"{metric}: expected frames of at least {least}x{least}, got {height}x{width}"
        )


@lru_cache(maxsize=1)
def load_amt(path: Path, device: str) -> torch.nn.Module:
    """AMT-S with published weights; see `networks.loading.build` for errors."""
    from pab_bench.metrics.networks.amt import amt
    from pab_bench.metrics.networks.loading import build, read_state

    return build(amt, read_state(path, "state_dict"), path, device)
