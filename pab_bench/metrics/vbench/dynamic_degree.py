"""VBench's dynamic degree: whether RAFT sees enough motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Values
from pab_bench.metrics.batches import unit_samples
from pab_bench.metrics.vbench.dimension import VbenchMetric
from pab_bench.metrics.vbench.formulas import fast_motion, frame_interval, moves
from pab_bench.metrics.vbench.motion_smoothness import check_padded
from pab_bench.metrics.vbench.transforms import padded
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    import torch

UPDATES = 20
SMALLEST_SIDE = 128
"""Of the padded frames: torchvision's RAFT asks for two places in the coarsest map."""


@dataclass(frozen=True)
class DynamicDegree(VbenchMetric):
    """VBench's dynamic degree: 1 for a video that moves, else 0; of a set, the share that moves."""

    name = "dynamic_degree"
    column = "dynamic_degree"
    label = "Dynamic degree"
    value_range = (0.0, 1.0)
    per = "video"
    definition = (
        "1 if in at least round(4 frames / 16) pairs of frames (every max(1, round(fps / 8))-th) "
        "the longest 5 % of RAFT's flow vectors exceed 6 px at 256 px in the mean, else 0; mean "
        "over videos"
    )
    source = "VBench vbench/dynamic_degree.py"
    weights = (
        WeightFile(
            "raft_model/models/raft-things.pth",
            "vbench",
            "https://dl.dropboxusercontent.com/s/4j4z58wuv8o0mfz/models.zip, unpacked",
        ),
    )

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """1 or 0, shape (1,).

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the frames are too small, or the weights are missing, with the
                file.
        """
        del reference
        (path,) = self.files(video)
        check_padded(self.name, video, 8, SMALLEST_SIDE)
        import torch

        network = load_raft(path, self.device)
        sampled = video[:: frame_interval(about.frames_per_second)]
        speeds = []
        with torch.inference_mode():
            for before, after in pairwise(sampled):
                images, _ = padded(unit_samples(np.stack([before, after]), self.device), 8)
                images = 2 * images - 1
                flow = network(images[:1], images[1:], num_flow_updates=UPDATES)[-1]
                # VBench looks at the padding's flow, too.
                speeds.append(fast_motion(flow[0].permute(1, 2, 0).cpu().numpy()))
        return np.array([float(moves(speeds, len(sampled), min(video.shape[1:3])))])


@lru_cache(maxsize=1)
def load_raft(path: Path, device: str) -> torch.nn.Module:
    """RAFT with the original's weights; see `networks.loading.build` for errors."""
    from pab_bench.metrics.networks.loading import build, read_state
    from pab_bench.metrics.networks.raft import raft, torchvision_state

    return build(raft, read_state(path), path, device, torchvision_state)
