"""Which rules one kind can have, and what each would cost and save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pab_bench.advice.lags import Lags
from pab_bench.advice.surrogate import Surrogate
from pab_bench.engine.boundaries import within_transformers
from pab_bench.engine.kinds import KINDS, SPATIAL, Group, Kind
from pab_bench.engine.plan import Plan
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

CUTS = 10
"""A window begins and ends at one of so many evenly spread places among the timesteps."""
BLOCK_CUTS = 8
"""A range of blocks begins and ends at one of so many places; all, in a model with no more."""
_OFF = GapRule()


@dataclass(frozen=True)
class Prices:
    """What one reuse of each site saves and needs.

    Attributes:
        flops: per group (depth,): operations that a computing site takes.
        bytes: per group (depth,): what is held of a site.
        baseline: operations of all calls with nothing reused.
    """

    flops: Mapping[Group, npt.NDArray[np.int64]]
    bytes: Mapping[Group, npt.NDArray[np.int64]]
    baseline: int


@dataclass(frozen=True)
class Options:
    """Rules for one kind; the first is to reuse nothing.

    Attributes:
        kind: the kind.
        rules: the rules.
        error: (rules,): what each adds to the surrogate's error.
        saved: (rules,): operations that it saves in a video.
        held: (rules,): bytes that it holds at most.
    """

    kind: Kind
    rules: Sequence[GapRule]
    error: npt.NDArray[np.float64]
    saved: npt.NDArray[np.int64]
    held: npt.NDArray[np.int64]

    def only(self, indices: npt.NDArray[np.int64]) -> Options:
        """Some of the rules."""
        return Options(
            self.kind,
            [self.rules[i] for i in indices],
            self.error[indices],
            self.saved[indices],
            self.held[indices],
        )


def kinds_of(groups: Sequence[Group]) -> list[Kind]:
    """The kinds that a model has; one with full 3-D attention has no temporal one, for example."""
    return [kind for kind in KINDS if any(group.kind == kind for group in groups)]


def rules_of(chosen: Mapping[Kind, GapRule]) -> Rules:
    """Rules in which the kinds that are not named are off; both branches' MLPs have the same."""
    mlp = chosen.get("mlp", _OFF)
    return Rules(
        spatial=chosen.get("spatial", _OFF),
        temporal=chosen.get("temporal", _OFF),
        cross=chosen.get("cross", _OFF),
        mlp_spatial=mlp,
        mlp_temporal=mlp,
    )


def windows(timesteps: Sequence[int], cuts: int = CUTS) -> list[tuple[int, int]]:
    """All (low, high), both excluded, between two of `cuts` places among the timesteps."""
    distinct = sorted(set(timesteps), reverse=True)
    places = sorted({round(p) for p in np.linspace(0, len(distinct), min(cuts, len(distinct) + 1))})
    return [
        (distinct[last - 1] - 1, distinct[first] + 1)
        for number, first in enumerate(places)
        for last in places[number + 1 :]
    ]


def block_ranges(depth: int, cuts: int = BLOCK_CUTS) -> list[tuple[int, int]]:
    """(first, last), both included, between two places among the blocks; the whole model first."""
    places = sorted({round(p) for p in np.linspace(0, depth, min(depth, cuts) + 1)})
    found = [(a, b - 1) for n, a in enumerate(places) for b in places[n + 1 :]]
    return sorted(found, key=lambda pair: pair[0] - pair[1])


def options(
    kind: Kind,
    plan: Plan,
    period: int,
    lags: Lags,
    surrogate: Surrogate,
    prices: Prices,
) -> Options:
    """Every gap up to the largest known lag + 1, in every window, for every range of blocks.

    Of rules that reuse the same outputs at the same calls only one is in the result.

    Args:
        kind: whose rules.
        plan: the baseline's.
        period: after so many calls the counter that gaps divide begins anew.
        lags: what each reuse would change.
        surrogate: what each change counts.
        prices: what each reuse saves and holds.
    """
    times = timing_rules(plan.timesteps, period, lags.longest + 1, plan.transformers)
    sources = np.stack([table for _, table in times])  # (rules, calls)
    lag = np.arange(plan.calls)[None, :] - sources
    reused = lag > 0
    groups = [group for group in plan.source if group.kind == kind]
    flops = np.zeros(plan.depth, dtype=np.int64)
    held = np.zeros(plan.depth, dtype=np.int64)
    call_weights = np.exp(surrogate.call_weights(plan.calls))
    error = np.zeros((len(times), plan.depth))
    for group in groups:
        table = np.where(reused[:, :, None], lags.mse[group][np.arange(plan.calls), lag], 0.0)
        amplitudes = np.einsum("rcb,c->rb", np.sqrt(table), call_weights)
        weight = surrogate.group_weights[surrogate.groups.index(group)]
        error += np.exp(weight) * amplitudes**2
        flops += prices.flops[group]
        held += prices.bytes[group]
    count = reused.sum(axis=1)
    parts = [(np.zeros(1), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))]
    rules = [_OFF]
    for first, last in block_ranges(plan.depth):
        inside = slice(first, last + 1)
        whole = last - first + 1 == plan.depth
        block = None if whole else (first, last)
        rules += [GapRule(True, rule.threshold, rule.gap, block) for rule, _ in times]
        parts.append(
            (
                error[:, inside].sum(axis=1),
                count * flops[inside].sum(),
                np.full(len(times), held[inside].sum()),
            )
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Options(kind, rules, columns[0], columns[1], columns[2])


def timing_rules(
    timesteps: Sequence[int], period: int, largest_gap: int, transformers: Sequence[int] = ()
) -> list[tuple[GapRule, npt.NDArray[np.int64]]]:
    """Gap and window, with the call whose output is used at every call, (calls,); each once."""
    found: dict[bytes, tuple[GapRule, npt.NDArray[np.int64]]] = {}
    for window in windows(timesteps):
        for gap in range(2, largest_gap + 1):
            rule = GapRule(True, window, gap)
            plan = make_plan(Rules(spatial=rule), timesteps, 1, [SPATIAL], period)
            plan = within_transformers(plan, transformers)
            table = plan.source[SPATIAL][:, 0]
            if not plan.is_baseline():
                found.setdefault(table.tobytes(), (rule, table))
    return list(found.values())
