"""What VBench's dimensions share: their frames are checked, their weights found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pab_bench.metrics.base import Frames, Metric, check_length, check_video
from pab_bench.metrics.weight_files import WeightFile, find_weights

CLIP_B = WeightFile(
    "clip_model/ViT-B-32.pt",
    "vbench",
    "https://openaipublic.azureedge.net/clip/models/"
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
    elsewhere="clip",
)
CLIP_L = WeightFile(
    "clip_model/ViT-L-14.pt",
    "vbench",
    "https://openaipublic.azureedge.net/clip/models/"
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/ViT-L-14.pt",
    elsewhere="clip",
)
FRAMES_AT_ONCE = 16


@dataclass(frozen=True)
class VbenchMetric(Metric):
    """A dimension that needs weights.

    Attributes:
        weights_folder: where the user keeps them, in VBench's layout or flat; looked into before
            VBench's own cache.
    """

    fewest_frames: ClassVar[int] = 1
    higher_is_better = True
    needs_reference = False

    weights_folder: str | None = None

    def files(self, video: Frames) -> list[Path]:
        """The weights, after the video was found to be one that can be measured.

        Raises:
            InvalidVideo: see `Metric.values`.
            MetricUnavailable: if the video is too short, or with every missing file.
        """
        check_video(video)
        check_length(self.name, video, self.fewest_frames)
        return find_weights(self.name, self.weights, self.weights_folder)


def parts(video: Frames) -> Iterator[Frames]:
    """The frames, some at a time."""
    for start in range(0, len(video), FRAMES_AT_ONCE):
        yield video[start : start + FRAMES_AT_ONCE]
