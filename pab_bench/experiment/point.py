"""Gets or makes one point, and its baseline before it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.errors import PabBenchError
from pab_bench.experiment.calibrated import check_weights
from pab_bench.experiment.control import compare_control, control_in_words
from pab_bench.experiment.decided import decided_rows, plan_summary
from pab_bench.experiment.failures import DiskFull, describe, kind_of
from pab_bench.experiment.identity import baseline_of, digest_weights, identity, recall_weights
from pab_bench.experiment.measured_again import measured_again, metric_settings, with_weights
from pab_bench.experiment.measuring import measure
from pab_bench.experiment.predicted import predicted_cost
from pab_bench.experiment.provenance import provenance
from pab_bench.experiment.sampling import Sampled, sample
from pab_bench.experiment.session import Session, open_session, release_memory
from pab_bench.experiment.stored import find_stored
from pab_bench.experiment.tape import is_control
from pab_bench.methods.base import plan_of
from pab_bench.methods.covered import covered
from pab_bench.store.failure_kinds import DISK_FULL, OUT_OF_MEMORY
from pab_bench.store.points import Store, point_id
from pab_bench.store.records import PointData, Record
from pab_bench.store.spread import spread
from pab_bench.store.tapes import TapeStore

_log = logging.getLogger(__name__)


class BaselineFailed(PabBenchError):
    """The baseline that a point needs could not be made, for a reason of some kind."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class InputsDiffer(PabBenchError):
    """A point and its baseline did not start from the same noise and embeddings."""


@dataclass(frozen=True)
class Made:
    """A point that was got or made.

    Attributes:
        record: the point.
        cached: whether it was there already.
        baseline: what it is compared with; None if it is a baseline.
    """

    record: Record
    cached: bool
    baseline: Record | None = None


def make_point(settings: Settings, run: Path) -> Made:
    """Get or make a point, and its baseline before it.

    A point that is in the store already needs no model.

    Args:
        settings: the point.
        run: the folder of the run (of the whole sweep) that it is made for.

    Raises:
        WeightsMissing: if the model is not here.
        ConfigError: if the device asked for is not, or the method was calibrated for other weights.
        DiskFull: if there is no room for the point.
    """
    store = Store(settings.results_dir, settings.store.locks)
    weights = recall_weights(settings)
    if weights is None:
        weights = digest_weights(settings, open_session(settings).sampler.weights)
    check_weights(settings, weights)
    if settings.is_baseline():
        return _get(settings, weights, store, run, None)
    baseline = _get(baseline_of(settings), weights, store, run, None).record
    return _get(settings, weights, store, run, baseline)


def _get(
    settings: Settings, weights: str, store: Store, run: Path, baseline: Record | None
) -> Made:
    determined_by = identity(settings, weights)
    identifier = point_id(determined_by)
    with store.lock(identifier):
        record = find_stored(store, determined_by)
        # Whichever of the run's processes has tried: once in a run is enough.
        tried = run / ".tried" / identifier
        wanted_anew = settings.fresh or (record is not None and record.status == "failed")
        if record is not None and (tried.exists() or not wanted_anew):
            if record.has_numbers:
                record = measured_again(settings, record, store, baseline)
            return Made(record, True, baseline)
        session = open_session(settings)
        frame = _frame(identifier, determined_by, settings, session, baseline)
        try:
            record, data = _make(frame, settings, session, store, baseline)
            record = _save(store, record, data)
        except Exception as error:  # The point boundary: a failed point is a row.
            if not isinstance(error, PabBenchError):
                _log.exception("point %s failed", identifier)
            failed = replace(frame, status="failed", error=describe(error))
            record = _save(store, failed, None)
        if record.status == "failed" and (record.error or {})["kind"] == OUT_OF_MEMORY:
            release_memory()
        tried.parent.mkdir(parents=True, exist_ok=True)
        tried.touch()
        return Made(record, False, baseline)


def _save(store: Store, record: Record, data: PointData | None) -> Record:
    try:
        return store.save(record, data)
    except Exception as error:
        if kind_of(error) != DISK_FULL:
            raise
        full = f"{store.points}: no space left on the disk ({error})"
    if TapeStore(store.results, 0).clear():
        _log.warning("%s; the tapes were removed, since they only save time", full)
        try:
            return store.save(record, data)
        except Exception as error:
            if kind_of(error) != DISK_FULL:
                raise
    raise DiskFull(f"{full}; make room, and the same command goes on where it stopped")


def _frame(
    identifier: str,
    determined_by: dict[str, Any],
    settings: Settings,
    session: Session,
    baseline: Record | None,
) -> Record:
    return Record(
        id=identifier,
        status="ok",
        config=determined_by,
        model={
            "name": settings.model.name,
            "weights_digest": determined_by["weights"],
            "depth": session.sampler.architecture.depth,
            "parameters": session.sampler.parameters,
        },
        prompts=list(settings.prompts),
        seeds=list(settings.seeds),
        baseline_id=baseline.id if baseline else None,
        is_baseline=baseline is None,
        provenance=provenance(session.device, session.dtype),
    )


def _make(
    frame: Record, settings: Settings, session: Session, store: Store, baseline: Record | None
) -> tuple[Record, PointData]:
    if baseline is not None and baseline.status != "ok":
        reason = baseline.error or {}
        raise BaselineFailed(
            f"baseline {baseline.id} failed: {reason['type']}: {reason['message']}",
            reason["kind"],
        )
    plan = plan_of(settings.method, session.sampler, settings.steps, settings.guidance)
    curves = baseline is None and settings.record.curves
    began = time.perf_counter()
    sampled = sample(settings, plan, frame.config, curves)
    reference = None
    if baseline is not None:
        _check_inputs(sampled, baseline)
        reference = {key: store.frames(baseline.id, *key) for key in sampled.frames}
    control: dict[str, Any] = {}
    if baseline is not None and reference is not None and is_control(settings, plan):
        control = compare_control(sampled.frames, reference, frame.provenance, baseline)
        if not control["identical"]:
            _log.warning("%s", control_in_words(control))
    measured_from = time.perf_counter()
    rows, quality = measure(
        settings.metrics,
        sampled.frames,
        reference,
        session.device,
        settings.prompts,
        metric_settings(settings),
    )
    ended = time.perf_counter()
    timing = {
        **sampled.timing(),
        "metrics_s": spread([ended - measured_from]),
        "point_s": spread([ended - began]),
    }
    decided = [own.plan for own in sampled.decided]
    cost = predicted_cost(settings, plan, sampled.text_tokens, decided)
    summary = plan_summary(plan, sampled.decided)
    record = replace(
        frame,
        status="reused_nothing" if summary.get("reused_nothing") else "ok",
        plan={**summary, "windows": _windows(settings, plan), **_remarks(settings, sampled)},
        ledger=sampled.ledger,
        timing=timing,
        quality=with_weights(quality, settings.metric_weights),
        inputs=sampled.inputs,
        peak_cache_bytes=sampled.peak_cache_bytes,
        cost=cost,
        memory=sampled.memory,
        control=control,
    )
    if record.status == "reused_nothing":
        _log.warning("method=%s has reused nothing in any video", settings.method.name)
    for remark in record.plan.get("remarks", ()):
        _log.warning("%s", remark)
    data = PointData(
        plan=decided_rows(plan, sampled.decided),
        steps=sampled.steps,
        curves=sampled.curves,
        metrics=rows,
        videos=sampled.frames,
        mp4=settings.record.videos,
        attention_maps=sampled.attention_maps,
    )
    return record, data


def _remarks(settings: Settings, sampled: Sampled) -> dict[str, list[str]]:
    """What the method says of the numbers by which it has decided, if anything."""
    gates = {(own.prompt, own.seed): own.gates for own in sampled.decided}
    remarks = settings.method.remarks(list(gates.values()))
    return {"remarks": remarks} if remarks else {}


def _windows(settings: Settings, plan: Plan) -> dict[str, Any]:
    """Per kind the window, the steps in it, and, of `threshold=auto`, where it was found."""
    found = settings.found_windows
    return {
        own.kind: own.to_json() | ({"found": found[own.kind]} if own.kind in found else {})
        for own in covered(settings.method, plan.timesteps)
    }


def _check_inputs(sampled: Sampled, baseline: Record) -> None:
    shared = ("prompt", "seed", "noise", "conditional", "unconditional", "dtype")
    for ours, theirs in zip(sampled.inputs, baseline.inputs, strict=True):
        differing = [name for name in shared if ours[name] != theirs[name]]
        if differing:
            raise InputsDiffer(
                f"prompt {ours['prompt']}, seed {ours['seed']}: {', '.join(differing)} differ from "
                f"those of baseline {baseline.id}"
            )
