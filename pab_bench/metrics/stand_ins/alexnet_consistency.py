"""VBench's consistency formula on the bundled AlexNet, in place of DINO or CLIP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pab_bench.metrics.base import (
    NOTHING_KNOWN,
    About,
    Frames,
    Metric,
    Values,
    check_length,
    check_side,
    check_video,
)
from pab_bench.metrics.batches import batches, unit_samples
from pab_bench.metrics.networks.perceptual import BACKBONES, layer_outputs, load_backbone
from pab_bench.metrics.vbench.formulas import consistency
from pab_bench.metrics.vbench.transforms import IMAGENET

FEATURES = 256
"""Channels of AlexNet's fifth convolution."""


@dataclass(frozen=True)
class AlexnetConsistency(Metric):
    """How like each frame is to the one before and the first one, to AlexNet's eyes.

    A still image gives 1, a cut or noise less; blur raises it, as it does VBench's own scores.
    """

    name = "alexnet_consistency"
    column = "alexnet_consistency"
    label = "Consistency (AlexNet)"
    higher_is_better = True
    value_range = (0.0, 1.0)
    needs_reference = False
    per = "frame pair"
    definition = (
        "VBench's consistency formula on the global average of AlexNet's fifth convolution after "
        "ReLU, frames in their own size, ImageNet normalisation"
    )
    source = "the formula of VBench's subject_consistency; AlexNet of torchvision"

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """Consistency per frame from the second on, shape (frames - 1,), range 0..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if there are fewer than two frames or they are too small.
        """
        del reference, about
        check_video(video)
        check_length(self.name, video, 2)
        backbone = BACKBONES["alex"]
        check_side(self.name, video, backbone.smallest_side)
        import torch

        network = load_backbone("alex", None, self.device)
        mean, spread = (torch.tensor(v, device=self.device)[:, None, None] for v in IMAGENET)
        features = np.empty((len(video), FEATURES))
        with torch.inference_mode():
            for batch in batches(video, backbone.pixels_per_batch):
                images = (unit_samples(video[batch], self.device) - mean) / spread
                (output,) = layer_outputs(network, backbone.layers[-1:], images)
                features[batch] = output.mean(dim=(2, 3)).cpu().numpy()
        return consistency(features)
