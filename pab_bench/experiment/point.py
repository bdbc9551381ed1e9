"""Gets or makes one point, and its baseline before it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from pab_bench.broadcast.kinds import KINDS
from pab_bench.broadcast.plan import Plan, make_plan, plan_rows
from pab_bench.broadcast.rules import Rules
from pab_bench.config.settings import Settings
from pab_bench.errors import PabBenchError
from pab_bench.experiment.measuring import measure
from pab_bench.experiment.provenance import decisive_versions, device_kind, provenance
from pab_bench.experiment.sampling import Sampled, sample
from pab_bench.experiment.session import Session, open_session, resolve_device
from pab_bench.samplers.weights import weights_digest
from pab_bench.store.points import Store, point_id
from pab_bench.store.records import PointData, Record

_log = logging.getLogger(__name__)
_made: set[tuple[Path, str]] = set()
"""Points made by a run (its folder, the point's id): `fresh` computes each once in a run."""


class BaselineFailed(PabBenchError):
    """The baseline that a point needs could not be made."""


class InputsDiffer(PabBenchError):
    """A point and its baseline did not start from the same noise and embeddings."""


def baseline_of(settings: Settings) -> Settings:
    """The same configuration with nothing reused."""
    return replace(settings, rules=Rules(), broadcast_object="output")


class PointMaker:
    """Makes the points of one store.

    Args:
        settings: the point to make.
        run: the folder of the run (of the whole sweep) that the point is made for.
    """

    def __init__(self, settings: Settings, run: Path) -> None:
        self.settings = settings
        self.run = run
        self.store = Store(settings.results_dir)
        self.session: Session = open_session(settings)
        sampler = self.session.sampler
        self.digest = weights_digest(sampler.weights, sampler.required, self.store.digests)

    def identity(self, settings: Settings) -> dict[str, Any]:
        """Everything that determines a point's numbers."""
        return {
            **settings.identity(),
            "weights": self.digest,
            "versions": decisive_versions(),
            "device": device_kind(resolve_device(settings.device)),
        }

    def get(self) -> tuple[Record, bool]:
        """The point's record, and whether it was there already."""
        baseline_settings = baseline_of(self.settings)
        if self.settings.is_baseline():
            return self._get(self.settings, None)
        baseline, _ = self._get(baseline_settings, None)
        return self._get(self.settings, baseline)

    def _get(self, settings: Settings, baseline: Record | None) -> tuple[Record, bool]:
        identity = self.identity(settings)
        identifier = point_id(identity)
        with self.store.lock(identifier):
            record = self.store.load(identifier)
            known = (self.run, identifier)
            wanted_anew = settings.fresh and known not in _made
            if record is not None and record.status == "ok" and not wanted_anew:
                return record, True
            frame = self._frame(identifier, identity, settings, baseline)
            try:
                record, data = self._make(frame, settings, baseline)
            except Exception as error:  # The point boundary: a failed point is a row.
                if not isinstance(error, PabBenchError):
                    _log.exception("point %s failed", identifier)
                kept = {"type": type(error).__name__, "message": str(error)}
                record, data = replace(frame, status="failed", error=kept), None
            _made.add(known)
            return self.store.save(record, data), False

    def _frame(
        self, identifier: str, identity: dict[str, Any], settings: Settings, baseline: Record | None
    ) -> Record:
        sampler = self.session.sampler
        return Record(
            id=identifier,
            status="ok",
            config=identity,
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
            raise BaselineFailed(f"baseline {baseline.id} failed: {(baseline.error or {})}")
        architecture = self.session.sampler.architecture
        timesteps = self.session.sampler.timesteps(settings.steps)
        plan = make_plan(settings.rules, timesteps, architecture.depth, architecture.groups)
        curves = baseline is None and settings.record.curves
        sampled = sample(self.session, settings, plan, curves)
        reference = None
        if baseline is not None:
            _check_inputs(sampled, baseline)
            reference = {key: self.store.frames(baseline.id, *key) for key in sampled.videos}
        rows, quality = measure(settings.metrics, sampled.videos, reference, self.session.device)
        record = replace(
            frame,
            plan=_plan_summary(plan),
            ledger=sampled.ledger,
            timing=sampled.timing_summary(),
            quality=quality,
            inputs=sampled.inputs,
            peak_cache_bytes=sampled.peak_cache_bytes,
        )
        data = PointData(
            plan=plan_rows(plan),
            steps=sampled.steps,
            curves=sampled.curves,
            metrics=rows,
            videos=sampled.videos,
            mp4=settings.record.videos,
        )
        return record, data


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
