"""What one video shows: findings from what the modules did, against what was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from pab_bench.audit.asked import Asked, windows_of
from pab_bench.audit.enabling import Enabled
from pab_bench.audit.findings import Finding
from pab_bench.audit.sites import WatchedSite
from pab_bench.audit.witness import Seen
from pab_bench.engine.kinds import KINDS, Group

_TWICE = 1.25
"""Of its full batch a site may compute no more."""
_PHASE = 1
"""Calls by which a kind may differ from its rule: where counting begins is a matter of taste."""


@dataclass(frozen=True)
class Case:
    """One video under an acceleration.

    Attributes:
        seen: what the modules did.
        asked: what they were to do.
        config: of diffusers, as it is enabled; None if there is none.
        enabled: what enabling has changed.
        sites: of the model.
        transformers: its transformers.
        lanes: calls of the transformer in a denoising step.
        guided: whether there is classifier-free guidance.
    """

    seen: Seen
    asked: Asked
    config: Any
    enabled: Enabled
    sites: Sequence[WatchedSite]
    transformers: Sequence[nn.Module]
    lanes: int
    guided: bool

    @property
    def kinds(self) -> list[str]:
        """The kinds that the model has."""
        own = {group.kind for group in self.seen.computed}
        return [kind for kind in KINDS if kind in own]

    def computed(self, kind: str) -> npt.NDArray[np.float64]:
        """(lanes, calls, sites of the kind): how much of its batch each computed."""
        return np.concatenate([t for g, t in self.seen.computed.items() if g.kind == kind], axis=2)

    def told(self, lane: int) -> list[float | None]:
        """The timestep that the acceleration was told, at every call of a lane."""
        return list(self.seen.told[lane :: self.lanes])


def look(case: Case) -> list[Finding]:
    """Everything that one video shows."""
    steps = (
        _attached,
        _nothing,
        _windows,
        _steps,
        _kinds,
        _ranges,
        _halves,
        _lanes,
        _twice,
        _first,
    )
    return [found for step in steps for found in step(case)]


def _attached(case: Case) -> Iterator[Finding]:
    if not case.enabled.attached:
        modules = sum(1 for t in case.transformers for _ in t.modules())
        yield Finding("attached_nothing", f"0 of {modules} modules are other than before")
        return
    covered = _covered(case)
    if not covered:  # It stands around the whole transformer, or within its classes.
        return
    for kind in case.kinds:
        own = [site for site in case.sites if site.group.kind == kind]
        count = sum(id(site.layer) in covered for site in own)
        if kind in (case.asked.kinds or ()) and count < len(own):
            names = sorted({s.group.description for s in own if id(s.layer) not in covered})
            yield Finding(
                "attached_to_some",
                f"{kind}: it stands around or in {count} of {len(own)} modules; not in those of "
                f"{', '.join(names)}",
            )


def _covered(case: Case) -> set[int]:
    """Layers of sites that lie in, around or below something that was changed."""
    roots = {id(transformer) for transformer in case.transformers}
    changed = case.enabled.changed_modules - roots
    below = {
        id(inner)
        for transformer in case.transformers
        for module in transformer.modules()
        if id(module) in changed
        for inner in module.modules()
    }
    return {
        id(site.layer)
        for site in case.sites
        if id(site.layer) in below or any(id(own) in changed for own in site.module.modules())
    }


def _nothing(case: Case) -> Iterator[Finding]:
    tables = case.seen.computed.values()
    if all((table >= 1).all() for table in tables):
        sites = sum(table.shape[2] for table in tables)
        lanes, calls, _ = next(iter(tables)).shape
        each = f" of {lanes} calls a step" if lanes > 1 else ""
        yield Finding(
            "reused_nothing", f"all {sites} sites computed at all {calls} steps{each}, whole batch"
        )


def _windows(case: Case) -> Iterator[Finding]:
    told = [value for value in case.seen.told if value is not None]
    if not told:
        return
    given = [value for value in case.seen.timesteps if value is not None]
    for name, (low, high) in windows_of(case.config).items():
        if any(low < value < high for value in told):
            continue
        real = ""
        if given:
            inside = sum(low < value < high for value in given)
            real = (
                f"; the transformer was given {_span(given)}, of which {inside} of {len(given)} "
                "lie inside"
            )
        yield Finding(
            "window_never_entered",
            f"{name} is ({low:g}, {high:g}), and at {len(told)} calls it was told {_span(told)}"
            f"{real}",
        )


def _steps(case: Case) -> Iterator[Finding]:
    told = getattr(case.config, "num_inference_steps", None)
    steps = len(case.seen.told) // case.lanes
    if told is not None and told != steps:
        yield Finding("told_other_steps", f"it was told of {told} steps, and {steps} are sampled")


def _span(values: Sequence[float]) -> str:
    if len(set(values)) == 1:
        return f"{values[0]:g} always"
    return f"{max(values):g} to {min(values):g}"


def _kinds(case: Case) -> Iterator[Finding]:
    reused = {kind: float((case.computed(kind) == 0).mean()) for kind in case.kinds}
    asked = case.asked.kinds
    if asked is None or not (any(reused.values()) or _some_halves(case)):
        return
    others = ", ".join(f"{kind} {share:.1%}" for kind, share in reused.items())
    for kind in case.kinds:
        if kind in asked and not reused[kind]:
            yield Finding("kind_not_reused", f"{kind}: 0 % reused ({others})")
        if case.asked.others_compute and kind not in asked:
            own = _reused_when_visited(case, kind)
            if own:
                yield Finding("kind_not_asked", f"{kind}: {own:.1%} reused ({others})")


def _some_halves(case: Case) -> bool:
    return any(((table > 0) & (table < 1)).any() for table in case.seen.computed.values())


def _reused_when_visited(case: Case, kind: str) -> float:
    """Share of visits of a kind's modules that did not compute."""
    groups: list[Group] = [group for group in case.seen.computed if group.kind == kind]
    visited = np.concatenate([case.seen.visited[group] for group in groups], axis=2)
    return float(((case.computed(kind) == 0) & visited).mean())


def _ranges(case: Case) -> Iterator[Finding]:
    for kind, rule in case.asked.ranges.items():
        if kind not in case.kinds:
            continue
        table = (case.computed(kind) > 0).sum(axis=1)  # (lanes, sites)
        for lane in range(case.lanes):
            told = case.told(lane)
            wanted = rule.computes(told)
            inside = sum(map(rule.inside, told))
            if not inside or not (table[lane] != wanted).any():
                continue
            worst = int(table[lane][np.abs(table[lane] - wanted).argmax()])
            if abs(worst - wanted) <= _PHASE:
                continue
            name = "more" if worst > wanted else "less"
            calls = f" of lane {lane}" if case.lanes > 1 else ""
            yield Finding(
                f"{name}_computed_than_asked",
                f"{kind}{calls}: computed at {worst} of {len(told)} calls; every {rule.every} of "
                f"{inside} calls between {rule.window[0]:g} and {rule.window[1]:g}, and all "
                f"others, are {wanted}{_alike(case, kind, lane)}",
            )


def _alike(case: Case, kind: str, lane: int) -> str:
    """Which other kind has done exactly the same."""
    own = (case.computed(kind)[lane] > 0).all(axis=1)
    for other in case.kinds:
        theirs = (case.computed(other)[lane] > 0).all(axis=1)
        if other != kind and not theirs.all() and (own == theirs).all():
            return f"; its calls are those of {other}"
    return ""


def _halves(case: Case) -> Iterator[Finding]:
    rule = case.asked.halves
    if rule is None or rule.every < 2 or not case.guided or case.lanes > 1 or _some_halves(case):
        return
    inside = sum(map(rule.inside, case.told(0)))
    yield Finding(
        "halves_not_left_out",
        f"both halves at all {len(case.told(0))} calls; every {rule.every} of {inside} calls "
        f"between {rule.window[0]:g} and {rule.window[1]:g} was asked for",
    )


def _lanes(case: Case) -> Iterator[Finding]:
    for kind in case.kinds if case.lanes > 1 else ():
        shares = (case.computed(kind) == 0).mean(axis=(1, 2))
        if shares.min() == 0 and shares.max() > 0:
            told = ", ".join(f"call {lane} {share:.1%}" for lane, share in enumerate(shares))
            yield Finding("lanes_apart", f"{kind}: reused in {told} of a step's {case.lanes} calls")


def _twice(case: Case) -> Iterator[Finding]:
    for group, table in case.seen.computed.items():
        wrong = np.argwhere(table > _TWICE)
        if len(wrong):
            lane, call, block = map(int, wrong[0])
            yield Finding(
                "computed_twice",
                f"{group.description} of block {block} computed {table[lane, call, block]:g} times "
                f"its batch at call {call}; {len(wrong)} of {table.size} visits",
            )


def _first(case: Case) -> Iterator[Finding]:
    yield from first_call(case.seen, "")


def first_call(seen: Seen, when: str) -> Iterator[Finding]:
    """Whether a video begins without computing.

    Args:
        seen: of the video.
        when: which video it was, for the evidence; empty for a fresh one.
    """
    wrong = {
        group.description: int((table[:, 0] == 0).sum()) for group, table in seen.computed.items()
    }
    found: Mapping[str, int] = {name: count for name, count in wrong.items() if count}
    if found:
        told = ", ".join(f"{count} of {name}" for name, count in found.items())
        yield Finding(
            "first_call_reused", f"{when}call 0 computed nothing at {told}; {seen.calls()}"
        )
