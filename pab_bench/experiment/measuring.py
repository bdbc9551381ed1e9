"""Measures a point's videos against its baseline's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.metrics.aggregate import Mean, mean_of_videos, measure_video
from pab_bench.metrics.registry import get_metric

Videos = Mapping[tuple[int, int], npt.NDArray[np.uint8]]


def measure(
    names: Sequence[str], videos: Videos, baseline: Videos | None, device: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every metric of every video.

    Args:
        names: the metrics' names.
        videos: frames by (prompt index, seed).
        baseline: the baseline's frames by the same keys; None if the videos are the baseline.
        device: where metrics with a network compute.

    Returns:
        Rows of `metrics.parquet`, and per metric column its set value, direction and the reason
        where it is missing.
    """
    rows: list[dict[str, Any]] = []
    quality: dict[str, Any] = {}
    for name in names:
        metric = get_metric(name, device)
        means: list[Mean] = []
        for (prompt, seed), frames in videos.items():
            if metric.needs_reference and baseline is None:
                means.append(Mean(None, reason="a baseline is not compared with itself"))
                continue
            reference = baseline[prompt, seed] if baseline and metric.needs_reference else None
            measured = measure_video(metric, frames, reference)
            means.append(measured.mean)
            place = {"prompt": prompt, "seed": seed, "metric": metric.column}
            rows += [
                {**place, "frame": frame, "value": float(value)}
                for frame, value in enumerate(measured.per_frame)
            ]
            if measured.mean.value is not None:
                rows.append({**place, "frame": -1, "value": measured.mean.value})
        total = mean_of_videos(means)
        quality[metric.column] = {
            "value": total.value,
            "reason": _reason(total),
            "higher_is_better": metric.higher_is_better,
            "videos": total.count,
        }
    return rows, quality


def _reason(total: Mean) -> str | None:
    if total.value is not None:
        return None
    return "; ".join(sorted(set(total.missing))) or total.reason
