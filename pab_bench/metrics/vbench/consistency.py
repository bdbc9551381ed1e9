"""VBench's subject and background consistency: features of DINO and of CLIP from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Values
from pab_bench.metrics.vbench.dimension import CLIP_B, VbenchMetric, parts
from pab_bench.metrics.vbench.formulas import consistency
from pab_bench.metrics.vbench.transforms import clip_input, dino_input
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

DINO = WeightFile(
    "dino_model/dino_vitbase16_pretrain.pth",
    "vbench",
    "https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/dino_vitbase16_pretrain.pth",
    elsewhere="torch",
)
FORMULA = (
    "per frame from the second on the mean of its cosines to the frame before and to the first "
    "one (negative ones as 0); mean over frames, then over videos"
)


@dataclass(frozen=True)
class SubjectConsistency(VbenchMetric):
    """VBench's subject consistency.

    In one process VBench weighs videos by their frames, in several equally, as here; it is the
    same for videos of one length.
    """

    name = "subject_consistency"
    column = "subject_consistency"
    label = "Subject consistency"
    value_range = (0.0, 1.0)
    per = "frame pair"
    definition = f"class tokens of DINO ViT-B/16, shorter side 224, not cropped; {FORMULA}"
    source = "VBench vbench/subject_consistency.py"
    weights = (DINO,)
    fewest_frames = 2

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Consistency per frame from the second on, shape (frames - 1,), range 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if there is one frame only, or with every missing file.
        """
        del reference, about
        (path,) = self.files(video)
        network = load_dino(path, self.device)
        return consistency(features(network, dino_input, video, self.device))


@dataclass(frozen=True)
class BackgroundConsistency(VbenchMetric):
    """VBench's background consistency, in float32 as VBench computes it on the CPU."""

    name = "background_consistency"
    column = "background_consistency"
    label = "Background consistency"
    value_range = (0.0, 1.0)
    per = "frame pair"
    definition = f"image features of CLIP ViT-B/32, centre 224x224; {FORMULA}"
    source = "VBench vbench/background_consistency.py"
    weights = (CLIP_B,)
    fewest_frames = 2

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Consistency per frame from the second on, shape (frames - 1,), range 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if there is one frame only, or with every missing file.
        """
        del reference, about
        (path,) = self.files(video)
        network = load_clip_images(path, self.device)
        return consistency(features(network, clip_input, video, self.device))


def features(
    network: torch.nn.Module,
    prepare: Callable[[Frames, str], torch.Tensor],
    video: Frames,
    device: str,
) -> Values:
    """Features of every frame, float64, shape (frames, features)."""
    import torch

    with torch.inference_mode():
        found = [network(prepare(part, device)).double().cpu().numpy() for part in parts(video)]
    return np.concatenate(found)


@lru_cache(maxsize=1)
def load_dino(path: Path, device: str) -> torch.nn.Module:
    """DINO with published weights; see `networks.loading.build` for errors."""
    from pab_bench.metrics.networks.dino import dino, transformers_state
    from pab_bench.metrics.networks.loading import build, read_state

    return build(dino, read_state(path), path, device, transformers_state)


@lru_cache(maxsize=2)
def load_clip_images(path: Path, device: str) -> torch.nn.Module:
    """CLIP's image network from OpenAI's file; see `networks.loading.build` for errors."""
    from pab_bench.metrics.networks.clip import clip_images, image_state
    from pab_bench.metrics.networks.loading import build, part, read_torchscript_state

    state = part(read_torchscript_state(path), "visual.")
    return build(clip_images, state, path, device, image_state)
