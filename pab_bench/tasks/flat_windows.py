"""`threshold=auto`: the windows that a baseline's curves tell, before anything else is planned.

All points of a model, size, number of steps and first prompt and seed have the same windows, since
they are found in the same video. What is found takes the place of `auto`, so that a point is the
same as one whose windows were written down.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pab_bench.config.grid import Grid, GridPoint
from pab_bench.config.sections import MeasureSettings, RecordSettings
from pab_bench.config.settings import Settings
from pab_bench.experiment.identity import baseline_of, identity, recall_weights
from pab_bench.experiment.point import make_point
from pab_bench.experiment.stored import find_stored
from pab_bench.methods.covered import gap_rules
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.methods.windows import FlatPart
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.store.points import Store
from pab_bench.store.records import Record

if TYPE_CHECKING:
    from pab_bench.claims.flat_part import FlatWindow

_log = logging.getLogger(__name__)


def with_windows(settings: Settings, run: Path | None) -> Settings:
    """Put the windows that a baseline's curves tell in the place of `threshold=auto`.

    Args:
        settings: a point; without such windows it is returned as it is.
        run: the folder of the run that the baseline is made for where it is not in the store; None
            if nothing is to be sampled.

    Raises:
        InvalidSettings: if there is no baseline and none is to be made, if it failed, or if its
            curve has no flat part, with the figures.
    """
    open_kinds = [k for k, rule in gap_rules(settings.method) if _is_open(rule)]
    if not open_kinds:
        return settings
    # Deferred: they need pandas and ruptures, which most points do without.
    import pandas as pd

    from pab_bench.claims.definition import UnusableCurves
    from pab_bench.claims.flat_part import NotFlat, flat_window

    baseline = _find(settings) or _make(settings, open_kinds, run)
    table = Store(settings.results_dir).folder(baseline.id) / "curves.parquet"
    curves = pd.read_parquet(table)
    windows: dict[str, FlatWindow] = {}
    problems: list[Problem] = []
    for kind in open_kinds:
        try:
            windows[kind] = flat_window(curves, kind, 0, settings.seeds[0])
        except (NotFlat, UnusableCurves) as error:
            problems.append(_problem(kind, f"{error} (baseline {baseline.id}); {_INSTEAD}"))
    if problems:
        raise InvalidSettings(problems)
    found = {
        kind: {
            "said": "auto",
            "baseline": baseline.id,
            "prompt": settings.prompts[0],
            "seed": settings.seeds[0],
            **own.to_json(),
        }
        for kind, own in windows.items()
    }
    for kind, own in windows.items():
        low, high = own.window
        first, last = own.steps
        _log.info(
            f"{kind}_threshold=auto is [{low},{high}]: steps {first} to {last} of baseline "
            f"{baseline.id}"
        )
    return replace(settings, method=_closed(settings, windows), found_windows=found)


def grid_with_windows(grid: Grid, run: Path | None = None) -> Grid:
    """The same of all points of a grid.

    Raises:
        InvalidSettings: with everything that is wrong at any point.
    """
    points: list[GridPoint] = []
    problems: list[Problem] = []
    for point in grid.points:
        try:
            points.append(replace(point, settings=with_windows(point.settings, run)))
        except InvalidSettings as error:
            problems += error.problems
    if problems:
        raise InvalidSettings(problems)
    return replace(grid, points=tuple(points))


_INSTEAD = "give the window, [low,high] or steps:[.1,.6]"


def _is_open(rule: GapRule) -> bool:
    return isinstance(rule.threshold, FlatPart)


def _sources(settings: Settings) -> list[Settings]:
    """The baselines whose curves tell: a point's own, and one of its first video alone."""
    own = baseline_of(settings)
    alone = replace(
        own,
        prompts=own.prompts[:1],
        seeds=own.seeds[:1],
        metrics=(),
        measure=MeasureSettings(),
        record=RecordSettings(curves=True, videos=False),
    )
    return [own, alone] if own.record.curves else [alone]


def _find(settings: Settings) -> Record | None:
    weights = recall_weights(settings)
    if weights is None:
        return None
    store = Store(settings.results_dir, settings.store.locks)
    for source in _sources(settings):
        record = find_stored(store, identity(source, weights))
        if record is not None and record.status == "ok":
            return record
    return None


def _make(settings: Settings, kinds: list[str], run: Path | None) -> Record:
    # A list of prompts that is sampled has no baseline of its own.
    source = _sources(settings)[-1 if settings.task == "sample" else 0]
    if run is None:
        message = (
            f"task={settings.task} samples nothing, and the baseline whose curve tells the window "
            f"is not in {settings.results_dir}: run it once, by the same command with task=run, "
            f"or {_INSTEAD}"
        )
        raise InvalidSettings([_problem(kind, message) for kind in kinds])
    record = make_point(source, run).record
    if record.status != "ok":
        error = record.error or {}
        message = f"its baseline {record.id} failed: {error.get('type')}: {error.get('message')}"
        raise InvalidSettings([_problem(kind, message) for kind in kinds])
    return record


def _problem(kind: str, message: str) -> Problem:
    return Problem(f"{kind}_threshold=auto", message)


def _closed(settings: Settings, windows: Mapping[str, FlatWindow]) -> PyramidAttentionBroadcast:
    """The method with the windows; rules of MLPs are those of both branches."""
    method = settings.method
    assert isinstance(method, PyramidAttentionBroadcast)  # No other has rules with windows.
    rules: dict[str, Any] = {}
    for kind, own in windows.items():
        names = ("mlp_spatial", "mlp_temporal") if kind == "mlp" else (kind,)
        rules |= {
            name: replace(getattr(method.rules, name), threshold=own.window) for name in names
        }
    closed: Rules = replace(method.rules, **rules)
    return replace(method, rules=closed)
