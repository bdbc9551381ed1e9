"""The numbers of a point that a sweeper such as Optuna can optimise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import CONVENTIONS
from pab_bench.metrics.registry import METRICS
from pab_bench.store.records import Record
from pab_bench.timings.points import speed_of_point


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
    if not record.has_numbers:
        return None
    if name in _FIGURES:
        return _FIGURES[name](settings, record, baseline)
    entry = record.quality[METRICS[name].column]
    value: float | None = entry["value"]
    return value


def needs_speed(settings: Settings) -> bool:
    """Whether calls of a point are to be timed as soon as it is there."""
    return not {"speedup", "denoise_s"}.isdisjoint(settings.objectives)


def _speedup(settings: Settings, record: Record, baseline: Record | None) -> float | None:
    if baseline is None:
        return 1.0
    speed = speed_of_point(settings.results_dir, record)
    return None if speed is None else speed.speedup.value


def _seconds(settings: Settings, record: Record, baseline: Record | None) -> float | None:
    speed = speed_of_point(settings.results_dir, record)
    return None if speed is None else speed.seconds


def _flops_ratio(settings: Settings, record: Record, baseline: Record | None) -> float | None:
    from pab_bench.cost.estimate import estimate

    convention = settings.convention if settings.convention in CONVENTIONS else "transformer"
    if record.plan.get("open"):  # What was decided is known; that of another convention is not.
        ratio: float | None = record.cost.get("flops_ratio")
        return ratio if record.cost.get("convention") == convention else None
    return float(estimate(settings, CONVENTIONS[convention]).flops.ratio)


_FIGURES: Mapping[str, Callable[[Settings, Record, Record | None], float | None]] = {
    "speedup": _speedup,
    "denoise_s": _seconds,
    "flops_ratio": _flops_ratio,
    "reuse_share": lambda settings, record, baseline: record.plan["reuse_share"]["all"],
    "peak_cache_bytes": lambda settings, record, baseline: float(record.peak_cache_bytes),
}
