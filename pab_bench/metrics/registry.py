"""The metrics by name: a new one adds a file and a line here."""

from __future__ import annotations

import difflib

from pab_bench.errors import ConfigError
from pab_bench.metrics.base import Metric
from pab_bench.metrics.lpips import Lpips
from pab_bench.metrics.psnr import Psnr
from pab_bench.metrics.ssim import Ssim
from pab_bench.metrics.temporal_flickering import TemporalFlickering

METRICS: dict[str, type[Metric]] = {
    metric.name: metric
    for metric in (
        Psnr,
        Ssim,
        Lpips,
        TemporalFlickering,
    )
}


def get_metric(name: str, device: str = "cpu") -> Metric:
    """Make the metric called `name`; `device` is where it runs its network, if it has one.

    Raises:
        ConfigError: if there is no such metric; it suggests the nearest name and lists all.

    Example:
        >>> get_metric("psnr").column
        'psnr_db'
    """
    if name not in METRICS:
        similar = difflib.get_close_matches(name.lower(), METRICS, n=1, cutoff=0.5)
        suggestion = f" Did you mean {similar[0]!r}?" if similar else ""
        raise ConfigError(f"Unknown metric {name!r}.{suggestion} Available: {', '.join(METRICS)}")
    return METRICS[name](device=device)
