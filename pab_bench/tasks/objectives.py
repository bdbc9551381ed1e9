"""The numbers of a point that a sweeper such as Optuna can optimise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import CONVENTIONS
from pab_bench.metrics.registry import METRICS
from pab_bench.store.records import Record


def objective_values(
    settings: Settings, record: Record, baseline: Record | None
) -> list[float | None] | float | None:
    """The values of `settings.objectives`: one number, or a list of several.

    A value is None where the point failed, or has no such number.

    Args:
        settings: the point.
        record: what it has become.
        baseline: its baseline; None if it is one.
    """
    values = [_value(name, settings, record, baseline) for name in settings.objectives]
    return values[0] if len(values) == 1 else values or None


def _value(name: str, settings: Settings, record: Record, baseline: Record | None) -> float | None:
    if record.status != "ok":
        return None
    if name in _FIGURES:
        return _FIGURES[name](settings, record, baseline)
    entry = record.quality[METRICS[name].column]
    value: float | None = entry["value"]
    return value


def _speedup(settings: Settings, record: Record, baseline: Record | None) -> float | None:
    if baseline is None:
        return 1.0
    return _seconds(settings, baseline, None) / _seconds(settings, record, None)


def _seconds(settings: Settings, record: Record, baseline: Record | None) -> float:
    return float(record.timing["denoise_s"]["median"])


def _flops_ratio(settings: Settings, record: Record, baseline: Record | None) -> float | None:
    from pab_bench.cost.estimate import estimate

    convention = settings.convention if settings.convention in CONVENTIONS else "transformer"
    return float(estimate(settings, CONVENTIONS[convention]).flops.ratio)


_FIGURES: Mapping[str, Callable[[Settings, Record, Record | None], float | None]] = {
    "speedup": _speedup,
    "denoise_s": _seconds,
    "flops_ratio": _flops_ratio,
    "reuse_share": lambda settings, record, baseline: record.plan["reuse_share"]["all"],
    "peak_cache_bytes": lambda settings, record, baseline: float(record.peak_cache_bytes),
}
