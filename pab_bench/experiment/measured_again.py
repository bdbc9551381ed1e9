"""Measures again what a stored point lacks, or what was measured with other weights.

Only videos take long; what is measured of them is made good from the frames in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.experiment.device import resolve_device
from pab_bench.experiment.measuring import Videos, measure
from pab_bench.files import file_digest
from pab_bench.metrics.registry import METRICS, MetricSettings
from pab_bench.store.points import Store
from pab_bench.store.records import Record

_log = logging.getLogger(__name__)
_LACKED = ("missing weights", "cannot be imported")
"""What older records say of metrics that lacked something."""


def metric_settings(settings: Settings) -> MetricSettings:
    """What is set about the metrics of a point."""
    return MetricSettings(settings.psnr_cap_db, settings.metric_weights)


def with_weights(quality: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    """The same quality with the digests of the weights that each metric finds.

    Args:
        quality: by column, as records have it.
        folder: where the user keeps weights, or None.

    Returns:
        Each entry with `weights_digests`: SHA-256 by the file's name, None where it is missing.
    """
    return {
        column: {**entry, "weights_digests": _digests(entry["metric"], folder)}
        for column, entry in quality.items()
    }


def measured_again(
    settings: Settings, record: Record, store: Store, baseline: Record | None
) -> Record:
    """Measure those metrics of a stored point again that would now have another value.

    Args:
        settings: the point.
        record: as it is in the store.
        store: where its frames and its baseline's are.
        baseline: what it is compared with; None if it is a baseline.

    Returns:
        The record that is in the store now: the same one if there was nothing to make good.
    """
    stale = dict(_stale(record, settings.metric_weights))
    if not stale:
        return record
    videos = _videos(store, record)
    reference = None if baseline is None else _videos(store, baseline, record)
    rows, quality = measure(
        sorted(set(stale.values())),
        videos,
        reference,
        resolve_device(settings.device),
        settings.prompts,
        metric_settings(settings),
    )
    found = {
        column: entry
        for column, entry in with_weights(quality, settings.metric_weights).items()
        if column in stale and entry != record.quality[column]
    }
    if not found:
        return record
    _log.info("point %s: measured again: %s", record.id, ", ".join(found))
    kept = [row for row in rows if row["metric"] in found]
    return store.amend(replace(record, quality={**record.quality, **found}), kept)


def _stale(record: Record, folder: str | None) -> Iterator[tuple[str, str]]:
    """Column and metric of what would now have another value."""
    for column, entry in record.quality.items():
        name = entry["metric"]
        if name not in METRICS or (record.is_baseline and METRICS[name].needs_reference):
            continue
        reason = entry["reason"] or ""
        lacking = entry.get("lacking", any(words in reason for words in _LACKED))
        if lacking or _changed(entry.get("weights_digests", {}), _digests(name, folder)):
            yield column, name


def _changed(before: Mapping[str, str | None], now: Mapping[str, str | None]) -> bool:
    """Whether other weights are there; that they are gone since changes no number."""
    return any(digest != now.get(name, digest) and now[name] for name, digest in before.items())


def _digests(name: str, folder: str | None) -> dict[str, str | None]:
    found = {file.name: file.find(folder) for file in METRICS[name].weights}
    return {name: None if path is None else _digest(path) for name, path in found.items()}


def _digest(path: Path) -> str:
    status = path.stat()
    return _read_digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _read_digest(path: Path, size: int, modified: int) -> str:
    del size, modified  # They tell whether the file is still the same.
    return file_digest(path)


def _videos(store: Store, record: Record, like: Record | None = None) -> Videos:
    of = like or record
    return {
        (prompt, seed): store.frames(record.id, prompt, seed)
        for prompt in range(len(of.prompts))
        for seed in of.seeds
    }
