"""VBench's overall consistency: how well a video fits its prompt, to ViCLIP's mind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.errors import MetricUndefined
from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Values
from pab_bench.metrics.vbench.dimension import VbenchMetric
from pab_bench.metrics.vbench.formulas import middle_frames
from pab_bench.metrics.vbench.transforms import clip_input
from pab_bench.metrics.weight_files import WeightFile

if TYPE_CHECKING:
    from pab_bench.metrics.networks.clip_tokens import ClipTokens
    from pab_bench.metrics.networks.viclip import ViClip


@dataclass(frozen=True)
class OverallConsistency(VbenchMetric):
    """VBench's overall consistency; its `temporal_style` is the same on other prompts."""

    name = "overall_consistency"
    column = "overall_consistency"
    label = "Overall consistency"
    value_range = (-1.0, 1.0)
    per = "video"
    definition = (
        "cosine between ViCLIP's features of 8 frames (the middles of 8 equal intervals, centre "
        "224x224) and of the prompt; mean over videos"
    )
    source = "VBench vbench/overall_consistency.py"
    weights = (
        WeightFile(
            "ViCLIP/ViClip-InternVid-10M-FLT.pth",
            "vbench",
            "https://huggingface.co/OpenGVLab/VBench_Used_Models/resolve/main/"
            "ViClip-InternVid-10M-FLT.pth",
        ),
        WeightFile(
            "ViCLIP/bpe_simple_vocab_16e6.txt.gz",
            "vbench",
            "https://raw.githubusercontent.com/openai/CLIP/main/clip/bpe_simple_vocab_16e6.txt.gz",
        ),
    )

    def values(
        self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
    ) -> Values:
        """The cosine, shape (1,), range -1..1.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the prompt is not known, or with every missing file.
        """
        del reference
        weights, vocabulary = self.files(video)
        if about.prompt is None:
            raise MetricUndefined(f"{self.name}: the video's prompt is not known")
        import torch

        network, tokens = load_viclip(weights, vocabulary, self.device)
        numbers = tokens.encode(about.prompt, network.text_length)
        chosen = video[middle_frames(len(video))]
        with torch.inference_mode():
            cosine = network(
                clip_input(chosen, self.device, whole=True),
                torch.tensor(numbers, device=self.device),
            )
        return np.array([float(cosine)])


@lru_cache(maxsize=1)
def load_viclip(weights: Path, vocabulary: Path, device: str) -> tuple[ViClip, ClipTokens]:
    """ViCLIP with published weights and its tokens; see `networks.loading.build` for errors."""
    from pab_bench.metrics.networks.clip_tokens import ClipTokens
    from pab_bench.metrics.networks.loading import build, read_state
    from pab_bench.metrics.networks.viclip import transformers_state, viclip

    network = build(viclip, read_state(weights, "model"), weights, device, transformers_state)
    return network, ClipTokens(vocabulary)
