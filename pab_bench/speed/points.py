"""Times the plans of points that are in the store, whenever and however they were sampled."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pab_bench.config.settings import Settings
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.experiment.identity import settings_identity
from pab_bench.experiment.session import open_session
from pab_bench.speed.plans import key_here, time_plans
from pab_bench.speed.wanted import WantedPlan, wanted_of_model
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.timings.key import timings_key
from pab_bench.timings.names import keeping_of_point

_log = logging.getLogger(__name__)


def time_points(settings: Sequence[Settings], records: Sequence[Record]) -> None:
    """Time the plans of points, those together that share model, input and machine.

    Points of another machine, or of other versions, are left alone: their times are measured there.

    Args:
        settings: of a run; every model, input and machine of it is in some of them.
        records: of finished points, baselines or not.
    """
    by_key: dict[str, Settings] = {}
    plans: dict[str, dict[str, WantedPlan]] = defaultdict(dict)
    for record in records:
        key = _text(timings_key(record.config, record.provenance))
        here = by_key.get(key) or _settings_of(key, settings, record)
        if here is None:
            _log.warning("point %s was not made here, so that its calls are not timed", record.id)
            continue
        by_key[key] = here
        if record.plan.get("sites_only", True):
            plan = _wanted(record, Store(here.results_dir))
        else:
            own = settings_with_method(settings, record)
            if own is None:
                _log.warning("point %s is of no method of this run, and not timed", record.id)
                continue
            plan = wanted_of_model(own, open_session(own).sampler)
        plans[key][plan.name] = plan
    for key, wanted in plans.items():
        time_plans(by_key[key], list(wanted.values()))


def _settings_of(key: str, settings: Sequence[Settings], record: Record) -> Settings | None:
    """Those that give a point's key in this process; None if it is not one of its own."""
    # A launcher may have given its workers fewer threads than this process has.
    theirs = record.provenance.get("threads")
    found = (
        own
        for given in settings
        for own in (given, replace(given, threads=theirs))
        if _text(key_here(own)) == key
    )
    return next(found, None)


def settings_with_method(settings: Sequence[Settings], record: Record) -> Settings | None:
    """Find those of a point whose plan does not say all, so that its method must be asked.

    Args:
        settings: of a run.
        record: the point.

    Returns:
        None if no point of the run has that method, with as many steps and what is kept alike.
    """

    def said(config: Mapping[str, Any]) -> str:
        # As texts: what is stored has lists where settings have tuples.
        return _text({key: config[key] for key in ("method", "steps", "cache")})

    wanted = said(record.config)
    return next((own for own in settings if said(settings_identity(own)) == wanted), None)


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)


def _wanted(record: Record, store: Store) -> WantedPlan:
    keeping = keeping_of_point(record.config)
    plan, steps = _plan(record, store), record.config["steps"]
    made = record.config.get("steps_made", steps)
    if made == steps:
        return WantedPlan(plan, steps, keeping)
    baseline = store.load(str(record.baseline_id), verify=False)
    assert baseline is not None
    return WantedPlan(plan, made, keeping, steps, baseline.plan["calls"])


def _plan(record: Record, store: Store) -> Plan:
    import pandas as pd

    rows = pd.read_parquet(store.folder(record.id) / "plan.parquet")
    source = {}
    for (kind, branch), own in rows.groupby(["kind", "branch"]):
        table = own.pivot(index="call", columns="block", values="source")
        source[Group(kind, branch)] = table.to_numpy(dtype=np.int64)
    timesteps, called = tuple(record.plan["timesteps"]), record.plan.get("transformers", ())
    return Plan(timesteps, record.plan["depth"], source, tuple(called))
