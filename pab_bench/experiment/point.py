"""Gets or makes one point, and its baseline before it."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pab_bench.broadcast.kinds import KINDS
from pab_bench.broadcast.plan import Plan, make_plan, plan_rows
from pab_bench.config.settings import Settings
from pab_bench.errors import PabBenchError
from pab_bench.experiment.failures import (
    DISK_FULL,
    OUT_OF_MEMORY,
    DiskFull,
    describe,
    kind_of,
)
from pab_bench.experiment.identity import baseline_of, digest_weights, identity, recall_weights
from pab_bench.experiment.measuring import measure
from pab_bench.experiment.predicted import predicted_cost
from pab_bench.experiment.provenance import provenance
from pab_bench.experiment.sampling import Sampled, sample
from pab_bench.experiment.session import Session, open_session, release_memory
from pab_bench.experiment.tape import use_tapes
from pab_bench.metrics.registry import MetricSettings
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


class PointMaker:
    """Makes the points of one store.

    Args:
        settings: the point to make.
        run: the folder of the run (of the whole sweep) that the point is made for.

    Attributes:
        baseline: what the point is compared with, once it was got; None for a baseline.
    """

    def __init__(self, settings: Settings, run: Path) -> None:
        self.settings = settings
        self.run = run
        self.store = Store(settings.results_dir)
        self.baseline: Record | None = None
        # A point that is there already needs no model.
        self.digest = recall_weights(settings) or digest_weights(
            settings, self.session.sampler.weights, self.store.digests
        )

    @property
    def session(self) -> Session:
        """The model, loaded when it is first needed."""
        return open_session(self.settings)

    def get(self) -> tuple[Record, bool]:
        """The point's record, and whether it was there already."""
        if self.settings.is_baseline():
            return self._get(self.settings, None)
        self.baseline, _ = self._get(baseline_of(self.settings), None)
        return self._get(self.settings, self.baseline)

    def _get(self, settings: Settings, baseline: Record | None) -> tuple[Record, bool]:
        determined_by = identity(settings, self.digest)
        identifier = point_id(determined_by)
        with self.store.lock(identifier):
            record = self.store.load(identifier)
            # Whichever of the run's processes has tried: once in a run is enough.
            tried = self.run / ".tried" / identifier
            wanted_anew = settings.fresh or (record is not None and record.status == "failed")
            if record is not None and (tried.exists() or not wanted_anew):
                return record, True
            frame = self._frame(identifier, determined_by, settings, baseline)
            try:
                record = self._save(*self._make(frame, settings, baseline))
            except Exception as error:  # The point boundary: a failed point is a row.
                if not isinstance(error, PabBenchError):
                    _log.exception("point %s failed", identifier)
                record = self._save(replace(frame, status="failed", error=describe(error)), None)
            if record.status == "failed" and (record.error or {})["kind"] == OUT_OF_MEMORY:
                release_memory()
            tried.parent.mkdir(parents=True, exist_ok=True)
            tried.touch()
            return record, False

    def _save(self, record: Record, data: PointData | None) -> Record:
        try:
            return self.store.save(record, data)
        except Exception as error:
            if kind_of(error) != DISK_FULL:
                raise
            full = f"{self.store.points}: no space left on the disk ({error})"
        if TapeStore(self.settings.results_dir, 0).clear():
            _log.warning("%s; the tapes were removed, since they only save time", full)
            try:
                return self.store.save(record, data)
            except Exception as error:
                if kind_of(error) != DISK_FULL:
                    raise
        raise DiskFull(f"{full}; make room, and the same command goes on where it stopped")

    def _frame(
        self,
        identifier: str,
        determined_by: dict[str, Any],
        settings: Settings,
        baseline: Record | None,
    ) -> Record:
        sampler = self.session.sampler
        return Record(
            id=identifier,
            status="ok",
            config=determined_by,
            model={
                "name": settings.model.name,
                "weights_digest": self.digest,
                "depth": sampler.architecture.depth,
                "parameters": sampler.parameters,
            },
            prompts=list(settings.prompts),
            seeds=list(settings.seeds),
            baseline_id=baseline.id if baseline else None,
            is_baseline=baseline is None,
            provenance=provenance(self.session.device, self.session.dtype),
        )

    def _make(
        self, frame: Record, settings: Settings, baseline: Record | None
    ) -> tuple[Record, PointData]:
        if baseline is not None and baseline.status != "ok":
            reason = baseline.error or {}
            raise BaselineFailed(
                f"baseline {baseline.id} failed: {reason['type']}: {reason['message']}",
                reason["kind"],
            )
        plan = plan_of(settings, self.session)
        curves = baseline is None and settings.record.curves
        began = time.perf_counter()
        taped_as = frame.config if use_tapes(settings, plan) else None
        sampled = sample(settings, plan, curves, taped_as)
        reference = None
        if baseline is not None:
            _check_inputs(sampled, baseline)
            reference = {key: self.store.frames(baseline.id, *key) for key in sampled.frames}
        measured_from = time.perf_counter()
        rows, quality = measure(
            settings.metrics,
            sampled.frames,
            reference,
            self.session.device,
            settings.prompts,
            MetricSettings(settings.psnr_cap_db, settings.metric_weights),
        )
        ended = time.perf_counter()
        timing = {
            **sampled.timing(),
            "metrics_s": spread([ended - measured_from]),
            "point_s": spread([ended - began]),
        }
        record = replace(
            frame,
            plan=_plan_summary(plan),
            ledger=sampled.ledger,
            timing=timing,
            quality=quality,
            inputs=sampled.inputs,
            peak_cache_bytes=sampled.peak_cache_bytes,
            cost=predicted_cost(settings, plan, sampled.text_tokens),
            memory=sampled.memory,
        )
        data = PointData(
            plan=plan_rows(plan),
            steps=sampled.steps,
            curves=sampled.curves,
            metrics=rows,
            videos=sampled.frames,
            mp4=settings.record.videos,
            attention_maps=sampled.attention_maps,
        )
        return record, data


def plan_of(settings: Settings, session: Session) -> Plan:
    """What the rules mean for the loaded model."""
    architecture = session.sampler.architecture
    return make_plan(
        settings.rules,
        session.sampler.timesteps(settings.steps),
        architecture.depth,
        architecture.groups,
        counter_period=settings.steps,
    )


def _plan_summary(plan: Plan) -> dict[str, Any]:
    shares: dict[str, float | None] = {kind: plan.reuse_share(kind) for kind in KINDS}
    return {
        "digest": plan.digest(),
        "calls": plan.calls,
        "depth": plan.depth,
        "timesteps": list(plan.timesteps),
        "reuse_share": {**shares, "all": plan.reuse_share()},
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
