"""VBench's aesthetic quality: LAION's linear judge of CLIP's image features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Values
from pab_bench.metrics.vbench.consistency import features, load_clip_images
from pab_bench.metrics.vbench.dimension import CLIP_L, VbenchMetric
from pab_bench.metrics.vbench.transforms import clip_input
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    import torch

HEAD = WeightFile(
    "aesthetic_model/emb_reader/sa_0_4_vit_l_14_linear.pth",
    "vbench",
    "https://github.com/LAION-AI/aesthetic-predictor/blob/main/sa_0_4_vit_l_14_linear.pth?raw=true",
)
SCALE = 10


@dataclass(frozen=True)
class AestheticQuality(VbenchMetric):
    """VBench's aesthetic quality, in float32 as VBench computes it on the CPU."""

    name = "aesthetic_quality"
    column = "aesthetic_quality"
    label = "Aesthetic quality"
    value_range = (-math.inf, math.inf)
    definition = (
        "per frame LAION's linear aesthetic predictor on the normalised image features of CLIP "
        "ViT-L/14, over 10; mean over frames"
    )
    source = "VBench vbench/aesthetic_quality.py"
    weights = (CLIP_L, HEAD)

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Quality per frame, shape (frames,), about 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: with every missing file.
        """
        del reference, about
        clip, head = self.files(video)
        found = features(load_clip_images(clip, self.device), clip_input, video, self.device)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        judge = load_head(head)
        weight, bias = (judge.get_parameter(name).double().numpy() for name in ("weight", "bias"))
        return (found @ weight[0] + bias) / SCALE


@lru_cache(maxsize=1)
def load_head(path: Path) -> torch.nn.Module:
    """The linear layer from features to a score."""
    from torch import nn

    from pab_bench.metrics.networks.loading import build, read_state

    def linear(state: object) -> nn.Linear:
        del state
        return nn.Linear(768, 1)

    return build(linear, read_state(path), path, "cpu")
