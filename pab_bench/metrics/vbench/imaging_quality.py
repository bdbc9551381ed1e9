"""VBench's imaging quality: MUSIQ with the weights of SPAQ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Values
from pab_bench.metrics.vbench.dimension import VbenchMetric
from pab_bench.metrics.vbench.transforms import imaging_input
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    import torch

SCALE = 100


@dataclass(frozen=True)
class ImagingQuality(VbenchMetric):
    """VBench's imaging quality, with its default preprocessing (`longer`).

    VBench's files keep 0..100 for single videos; here they are divided like the dimension's score.
    """

    name = "imaging_quality"
    column = "imaging_quality"
    label = "Imaging quality"
    value_range = (-math.inf, math.inf)
    definition = (
        "per frame MUSIQ (SPAQ), longer side at most 512, over 100; mean over frames, then videos"
    )
    source = "VBench vbench/imaging_quality.py, IQA-PyTorch"
    weights = (
        WeightFile(
            "pyiqa_model/musiq_spaq_ckpt-358bb6af.pth",
            "vbench",
            "https://github.com/chaofengc/IQA-PyTorch/releases/download/v0.1-weights/"
            "musiq_spaq_ckpt-358bb6af.pth",
        ),
    )

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Quality per frame, shape (frames,), about 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the weights are missing, with the file.
        """
        del reference, about
        (path,) = self.files(video)
        import torch

        network = load_musiq(path, self.device)
        with torch.inference_mode():
            found = [
                float(network(imaging_input(frame[np.newaxis], self.device))) for frame in video
            ]
        return np.array(found) / SCALE


@lru_cache(maxsize=1)
def load_musiq(path: Path, device: str) -> torch.nn.Module:
    """MUSIQ with published weights; see `networks.loading.build` for errors."""
    from pab_bench.metrics.networks.loading import build, read_state
    from pab_bench.metrics.networks.musiq import musiq

    # Some of the published files were saved from several GPUs.
    state = {k.removeprefix("module."): v for k, v in read_state(path).items()}
    return build(musiq, state, path, device)
