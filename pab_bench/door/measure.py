"""`measure`: the metrics of this package on frames that anyone made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pab_bench.door.frames import Footage, Form, Layout, videos_of
from pab_bench.door.measures import Measures
from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, InvalidVideo
from pab_bench.metrics.measure import Clip, measure_set
from pab_bench.metrics.registry import MetricSettings, get_metrics


def measure(
    names: str | Sequence[str],
    video: Any,
    reference: Any = None,
    *,
    prompt: str | Sequence[str] | None = None,
    frames_per_second: float | None = None,
    layout: Layout | None = None,
    value_range: tuple[float, float] | None = None,
    device: str = "cpu",
    weights_folder: str | None = None,
) -> Measures:
    """Measure videos, alone or against a reference, and return the values with reasons for gaps.

    A video is any of: a uint8 array or tensor, or one of floats from 0 to 1, with its axes in any
    usual order (a leading batch axis of 1 is dropped); a list of PIL images or of arrays with three
    axes; a path to a video file, an array file or a folder of images; what a pipeline returns. Any
    other list is several videos. Floats become uint8 as samplers round them.

    Args:
        names: of metrics, as on the command line: `psnr`, `lpips`.
        video: one video or several.
        reference: what they are compared with, as many and of the same sizes; None = nothing.
        prompt: the text that a video was made from, one for all or one for each.
        frames_per_second: at which they are played, above 0; None = as a file says, else 8.
        layout: order of the axes of arrays, `FHWC`, `FCHW` or `CFHW`; None = the colour axis is the
            one of size 3, which must be the only one that it could be.
        value_range: what black and white are in arrays of floats, such as (-1, 1); None = (0, 1),
            and any value outside is refused.
        device: where metrics compute that use torch.
        weights_folder: where weights lie that do not come with the package; None = caches only.

    Returns:
        The value of each metric, by its name; a metric that cannot be had has no value but a
        reason, never 0.

    Raises:
        ConfigError: if there is no such metric.
        InvalidVideo: if something is no video, could be meant in two ways, or does not fit its
            reference.
        UnreadableVideo: if a file cannot be read.

    Example:
        >>> import numpy as np
        >>> import pab_bench as pb
        >>> baseline = np.full((4, 32, 32, 3), 100, dtype=np.uint8)
        >>> found = pb.measure(["psnr", "ssim"], baseline + np.uint8(16), baseline)
        >>> round(found["psnr"], 2)
        24.05
        >>> pb.measure("psnr", baseline).missing["psnr_db"]
        'it compares with a reference, and none was given'
    """
    asked = [names] if isinstance(names, str) else list(names)
    metrics = get_metrics(asked, device, MetricSettings(weights_folder=weights_folder))
    if frames_per_second is not None and not frames_per_second > 0:
        raise InvalidVideo(f"frames_per_second={frames_per_second}: must be above 0")
    form = Form(layout, value_range)
    videos = videos_of(video, form, "video")
    references: Sequence[Frames | None] = [None] * len(videos)
    if reference is not None:
        references = [theirs.frames for theirs in videos_of(reference, form, "reference")]
    if len(references) != len(videos):
        raise InvalidVideo(
            f"expected as many references as videos, got {len(references)} and {len(videos)}"
        )
    clips = (
        Clip(one.frames, theirs, _about(one, text, frames_per_second))
        for one, theirs, text in zip(videos, references, _prompts(prompt, len(videos)), strict=True)
    )
    return Measures(measure_set(metrics, clips))


def _prompts(prompt: str | Sequence[str] | None, videos: int) -> Sequence[str | None]:
    if prompt is None or isinstance(prompt, str):
        return [prompt] * videos
    if len(prompt) != videos:
        raise InvalidVideo(f"prompt: expected one, or {videos}, got {len(prompt)}")
    return prompt


def _about(video: Footage, prompt: str | None, frames_per_second: float | None) -> About:
    rate = frames_per_second or video.frames_per_second or NOTHING_KNOWN.frames_per_second
    return About(prompt, rate)
