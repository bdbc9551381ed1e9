"""Measures a point's videos against its baseline's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.metrics.base import About
from pab_bench.metrics.measure import Clip, measure_set
from pab_bench.metrics.registry import MetricSettings, get_metrics
from pab_bench.store.mp4 import FRAMES_PER_SECOND

Videos = Mapping[tuple[int, int], npt.NDArray[np.uint8]]


def measure(
    names: Sequence[str],
    videos: Videos,
    baseline: Videos | None,
    device: str,
    prompts: Sequence[str] = (),
    settings: MetricSettings | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every metric of every video.

    Args:
        names: the metrics' names.
        videos: frames by (prompt index, seed).
        baseline: the baseline's frames by the same keys; None if the videos are the baseline.
        device: where metrics that use torch compute.
        prompts: the texts by prompt index, for metrics that read them.
        settings: what else can be set about metrics.

    Returns:
        Rows of `metrics.parquet`, and per metric column its set value, the reason where it is
        missing, and what the metric declares of itself.
    """

    def clips() -> Iterator[Clip]:
        for (prompt, seed), frames in videos.items():
            text = prompts[prompt] if prompts else None
            reference = baseline[prompt, seed] if baseline is not None else None
            yield Clip(frames, reference, About(text, FRAMES_PER_SECOND))

    rows: list[dict[str, Any]] = []
    quality: dict[str, Any] = {}
    for measured in measure_set(get_metrics(names, device, settings), clips()):
        column = measured.metric.column
        quality[column] = measured.summary()
        # A metric of whole sets has no values of single videos.
        pairs = zip(videos, measured.videos, strict=True) if measured.videos else ()
        for (prompt, seed), video in pairs:
            place = {"prompt": prompt, "seed": seed, "metric": column}
            if measured.metric.per != "video":
                rows += [
                    {**place, "frame": frame, "value": float(value)}
                    for frame, value in enumerate(video.values)
                ]
            if video.mean.value is not None:
                rows.append({**place, "frame": -1, "value": video.mean.value})
    return rows, quality
