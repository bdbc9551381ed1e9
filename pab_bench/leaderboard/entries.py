"""The points of all sources as entries that can be ranked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.method_text import method_in_full
from analysis.metrics import MetricFacts
from analysis.points import Point
from pab_bench.archive.origin import machine_of
from pab_bench.leaderboard.sources import Source
from pab_bench.statistics import Samples, samples_by_metric
from pab_bench.timings.estimate import Figure

_OF_A_MACHINE = ("weights", "versions", "device", "arithmetic")
_CONDITIONS = ("model", "weights", "prompts", "seeds", "steps", "guidance", "dtype")
"""What must be the same for quality to be compared."""
_SAME_RATIO = 0.01


@dataclass
class Entry:
    """One configuration of a method on one model.

    Attributes:
        conditions: what it shares with those that it is ranked with, as a text.
        title: the same for people.
        method: name of the method, with the broadcast object and how outputs are kept.
        rules: what it does, as the record has it.
        operations: the baseline's operations over its own; None if they are not known.
        speedup: measured, with its interval; None if it was not timed.
        samples: by metric, one value per video.
        same: prompts that are the same video as an earlier one.
        machine: what it was made on.
        sources: numbers of those that have it; its numbers are those of the first.
        apart: metrics that another source has other values of, each with that source's number.
    """

    conditions: str
    title: str
    method: str
    rules: Mapping[str, Any] | None
    operations: float | None
    speedup: Figure | None
    samples: Mapping[str, Samples]
    same: Mapping[int, int]
    machine: str
    sources: list[int] = field(default_factory=list)
    apart: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Entries:
    """All that can be ranked.

    Attributes:
        found: one entry per configuration.
        metrics: what the metrics are, by column.
    """

    found: Sequence[Entry]
    metrics: Mapping[str, MetricFacts]


def entries_of(sources: Sequence[Source]) -> Entries:
    """Collect the points that reuse something; the same configuration is one entry."""
    by_configuration: dict[str, Entry] = {}
    metrics: dict[str, MetricFacts] = {}
    for source in sources:
        metrics = {**source.data.metrics, **metrics}
        values = dict(list(source.data.videos.groupby("job")))
        for job, point in source.data.sweep.finished:
            config = point.value("config")
            if point.is_baseline or not config:
                continue
            samples = _samples(values[job.number]) if job.number in values else {}
            own = {k: v for k, v in config.items() if k not in _OF_A_MACHINE}
            key = json.dumps([own, config.get("weights")], sort_keys=True)
            known = by_configuration.get(key)
            if known is None:
                by_configuration[key] = _entry(source, job.number, point, samples)
            elif source.number not in known.sources:
                known.sources.append(source.number)
                known.apart += [(name, source.number) for name in _apart(known.samples, samples)]
    return Entries(list(by_configuration.values()), metrics)


def _entry(source: Source, job: int, point: Point, samples: Mapping[str, Samples]) -> Entry:
    config = point.value("config")
    ratio = point.value("cost", "flops_ratio")
    found = source.data.speeds.get(job)
    return Entry(
        conditions=json.dumps([config.get(name) for name in _CONDITIONS], sort_keys=True),
        title=_title(point),
        method=_method(config),
        rules=config.get("rules"),
        operations=None if not ratio else 1 / float(ratio),
        speedup=None if found is None else found.speedup,
        samples=samples,
        same=source.data.same_prompts.get(job, {}),
        machine=machine_of(point.value("provenance") or {}),
        sources=[source.number],
    )


def _samples(rows: pd.DataFrame) -> dict[str, Samples]:
    """Finite values by metric and video; others have no place in a mean."""
    return dict(samples_by_metric(rows[np.isfinite(rows["value"])]))


def _method(config: Mapping[str, Any]) -> str:
    parts = [
        method_in_full(config.get("method") or "pab"),
        str(config.get("broadcast_object") or "output"),
    ]
    kept = {key: value for key, value in (config.get("cache") or {}).items() if value is not None}
    parts += [f"{key} {value}" for key, value in sorted(kept.items())]
    return ", ".join(parts)


def _title(point: Point) -> str:
    """Model and conditions, for people."""
    config, model = point.value("config"), point.value("config", "model") or {}
    size = " x ".join(str(model[key]) for key in ("frames", "height", "width") if key in model)
    prompts, seeds = len(point.value("prompts") or ()), len(point.value("seeds") or ())
    parts = [
        str(point.value("model", "name")),
        size,
        f"{config.get('steps')} steps",
        f"guidance {config.get('guidance')}",
        str(config.get("dtype")),
        f"{prompts} prompt{'s' * (prompts != 1)} x {seeds} seed{'s' * (seeds != 1)}",
        f"weights {str(point.value('model', 'weights_digest'))[:8]}",
    ]
    return ", ".join(part for part in parts if part)


def _apart(first: Mapping[str, Samples], second: Mapping[str, Samples]) -> list[str]:
    """The metrics whose means are more than a hundredth apart."""
    found = []
    for name in sorted({*first} & {*second}):
        means = [sum(s.values()) / len(s) if s else 0.0 for s in (first[name], second[name])]
        if abs(means[0] - means[1]) > _SAME_RATIO * max(map(abs, means)):
            found.append(name)
    return found
