"""What is known of grid points before anything is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pab_bench.config.grid import Grid, GridPoint
from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import CONVENTIONS
from pab_bench.cost.estimate import estimate
from pab_bench.engine.kinds import KINDS
from pab_bench.engine.plan import Plan
from pab_bench.engine.prefix import prefix_digests, resume_call
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import (
    baseline_of,
    identity,
    recall_weights,
    reuse_identity,
    settings_identity,
    settings_key,
    video_identity,
)
from pab_bench.experiment.stored import find_stored
from pab_bench.experiment.tape import use_tapes
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.store.points import Store

State = Literal["done", "failed", "to do"]


@dataclass(frozen=True)
class Planned:
    """One point, or the baseline of some.

    Attributes:
        overrides: what makes it; none for a baseline.
        settings: the point.
        is_baseline: whether nothing is reused, by configuration.
        state: whether it is in the store, was tried and failed, or is to be made.
        error: why it failed.
        plan: what is reused at which call; None if that is not known without the weights. Open
            where the method decides while it samples.
        flops_ratio: operations of the method over the baseline's; None if it is not known, as where
            the method decides while it samples.
        replayed: how many of the plan's calls another point's video gives, if its tape is there.
    """

    overrides: tuple[str, ...]
    settings: Settings
    is_baseline: bool
    state: State
    error: str | None
    plan: Plan | None
    flops_ratio: float | None
    replayed: int

    @property
    def videos(self) -> int:
        """How many videos it has."""
        return len(self.settings.prompts) * len(self.settings.seeds)

    def reuse_shares(self) -> dict[str, float | None]:
        """Per kind, and for `all`, the share of site visits that reuse."""
        if self.plan is None or self.plan.is_open:
            return dict.fromkeys((*KINDS, "all"))
        plan = self.plan
        return {**{kind: plan.reuse_share(kind) for kind in KINDS}, "all": plan.reuse_share()}


@dataclass
class _Seen:
    """What the points so far will have put on tape."""

    calls: dict[str, set[str]] = field(default_factory=dict)

    def replayed(self, video: str, digests: Sequence[str], plan: Plan) -> int:
        known = self.calls.setdefault(video, set())
        shared = next((n for n, digest in enumerate(digests) if digest not in known), plan.calls)
        known.update(digests)
        return resume_call(plan, shared)


def plan_points(grid: Grid) -> tuple[list[Planned], list[Planned]]:
    """The points of a grid, and the baselines that they need besides, each once.

    Raises:
        ConfigError: with every device that is not here.
    """
    planner = _Planner(grid)
    points = []
    for point in grid.points:
        try:
            points.append(planner.point(point))
        except InvalidSettings as error:
            planner.problems += error.problems
        except ConfigError as error:
            planner.problems.append(Problem(" ".join(point.overrides), str(error)))
    if planner.problems:
        raise InvalidSettings(planner.problems)
    return points, list(planner.baselines.values())


class _Planner:
    def __init__(self, grid: Grid) -> None:
        self.asked_for = {settings_key(point.settings) for point in grid.points}
        self.baselines: dict[str, Planned] = {}
        self.problems: list[Problem] = []
        self._seen = _Seen()
        self._weights: dict[Any, str | None] = {}

    def point(self, point: GridPoint) -> Planned:
        settings = point.settings
        if not settings.is_baseline():
            baseline = baseline_of(settings)
            key = settings_key(baseline)
            if key not in self.asked_for and key not in self.baselines:
                self.baselines[key] = self._planned((), baseline)
        return self._planned(point.overrides, settings)

    def _planned(self, overrides: tuple[str, ...], settings: Settings) -> Planned:
        state, error = self._state(settings)
        plan, ratio = _prediction(settings)
        replayed = 0
        if plan is not None and use_tapes(settings, plan):
            own = settings_identity(settings)
            video = json.dumps([video_identity(own), settings.threads], sort_keys=True)
            replayed = self._seen.replayed(video, prefix_digests(plan, reuse_identity(own)), plan)
        return Planned(
            overrides=overrides,
            settings=settings,
            is_baseline=settings.is_baseline(),
            state=state,
            error=error,
            plan=plan,
            flops_ratio=ratio,
            replayed=replayed if state != "done" else 0,
        )

    def _state(self, settings: Settings) -> tuple[State, str | None]:
        place = settings.results_dir, settings.model
        if place not in self._weights:
            self._weights[place] = recall_weights(settings)
        weights = self._weights[place]
        # Also without weights: a device that is not here is reported.
        determined_by = identity(settings, weights or "")
        if weights is None or settings.fresh:
            return "to do", None
        record = find_stored(Store(settings.results_dir), determined_by, verify=False)
        if record is None:
            return "to do", None
        if record.has_numbers:
            return "done", None
        reason = record.error or {}
        return "failed", f"{reason.get('type')}: {reason.get('message')}"


def _prediction(settings: Settings) -> tuple[Plan | None, float | None]:
    convention = settings.convention if settings.convention in CONVENTIONS else "transformer"
    try:
        found = estimate(settings, CONVENTIONS[convention])
    except InvalidSettings:
        raise
    except ConfigError:  # A model whose shapes are known only from its weights.
        return None, None
    return found.plan, None if found.plan.is_open else found.flops.ratio


def to_do(points: Sequence[Planned]) -> Iterator[Planned]:
    """Those that a run would make."""
    return (point for point in points if point.state != "done")
