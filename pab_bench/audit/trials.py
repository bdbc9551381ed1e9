"""Further samplings of a video, by which is found what one sampling does not show."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import torch

from pab_bench.audit.enabling import pipeline_of
from pab_bench.audit.findings import Finding
from pab_bench.audit.lanes import mixed_lanes
from pab_bench.audit.looks import first_call
from pab_bench.audit.scene import AuditScene, Input, Watched

_log = logging.getLogger(__name__)
_FREE = "maybe_free_model_hooks"


class _BrokenOff(Exception):
    """Ends a video in the middle, as an interrupt or an error would."""


def trials(scene: AuditScene, own: Input, other: Input) -> Iterator[Finding]:
    """Sample a video again: bare, twice, after others, after one that was broken off, moved.

    Args:
        scene: the model; nothing may be enabled.
        own: the video.
        other: a different one.
    """
    bare = scene.sample(own).latents
    with scene.enabled() as enabled:
        fresh = scene.sample(own)
        if torch.equal(fresh.latents, bare):
            yield Finding("equals_baseline", f"{_count(bare)} numbers, all the same")
        yield from _again(scene, own, other, fresh)
    yield from _left(scene, own, bare, enabled.left)
    yield from broken_off(scene, own, other, fresh)
    yield from mixed_lanes(scene, own)


def _again(scene: AuditScene, own: Input, other: Input, fresh: Watched) -> Iterator[Finding]:
    try:
        second = scene.sample(own)
    except Exception as error:  # It is the acceleration's own.
        yield _failed("the same video", error)
        return
    yield from _different("differs_when_repeated", "sampled twice", fresh, second)
    try:
        scene.sample(other)
        third = scene.sample(own)
    except Exception as error:
        yield _failed(f"{other.name} and then the same video", error)
        return
    if not torch.equal(third.latents, second.latents):
        yield from _different(
            "differs_after_another_video", f"sampled after {other.name}", fresh, third
        )


def _left(
    scene: AuditScene, own: Input, bare: torch.Tensor, left: Sequence[str]
) -> Iterator[Finding]:
    if left:
        shown = ", ".join(left[:3])
        yield Finding("left_behind", f"{len(left)} modules or classes are still changed: {shown}")
        return
    after = scene.sample(own).latents
    if not torch.equal(after, bare):
        yield Finding(
            "left_behind", f"the bare pipeline's video is another one: {_far(after, bare)}"
        )


def broken_off(scene: AuditScene, own: Input, other: Input, fresh: Watched) -> Iterator[Finding]:
    """Break off another video in the middle, then the same one a step later, and sample after it.

    Args:
        scene: the model; nothing may be enabled.
        own: the video.
        other: a different one.
        fresh: the video as it is right after enabling.
    """
    half = scene.plan.calls // 2
    for before, steps in ((other, half), (own, half + 1)):
        if steps >= scene.plan.calls:
            continue
        told = f"{before.name} was broken off after {steps} of {scene.plan.calls} steps"
        with scene.enabled():
            _break_off(scene, before, steps)
            try:
                after = scene.sample(own)
            except Exception as error:
                yield _failed(f"a video after {told}", error)
                return
        found = list(_different("differs_after_broken_off", told, fresh, after))
        found += first_call(after.seen, f"after {told}: ")
        if found:
            yield from found
            return


def _break_off(scene: AuditScene, given: Input, steps: int) -> None:
    def ended(step: int) -> None:
        if step + 1 == steps:
            raise _BrokenOff

    with _without_cleaning(scene), suppress(_BrokenOff):
        scene.sample(given, ended)


@contextmanager
def _without_cleaning(scene: AuditScene) -> Iterator[None]:
    """A pipeline that fails does not come to where it cleans up; our samplers always do."""
    pipeline = pipeline_of(scene.sampler)
    if not hasattr(pipeline, _FREE):
        yield
        return
    setattr(pipeline, _FREE, lambda: None)
    try:
        yield
    finally:
        delattr(pipeline, _FREE)


def _different(name: str, when: str, fresh: Watched, later: Watched) -> Iterator[Finding]:
    if torch.equal(fresh.latents, later.latents):
        return
    text = f"{when}: {_far(later.latents, fresh.latents)}"
    lanes = range(next(iter(fresh.seen.computed.values())).shape[0])
    for lane in lanes:
        if fresh.seen.decisions(lane) != later.seen.decisions(lane):
            which = f" of call {lane}" if len(lanes) > 1 else ""
            text += f"; steps{which} {later.seen.calls(lane)}, not {fresh.seen.calls(lane)}"
    yield Finding(name, text)


def _far(one: torch.Tensor, other: torch.Tensor) -> str:
    return f"relative L2 of the latents {float((one - other).norm() / other.norm()):.2g}"


def _count(latents: torch.Tensor) -> int:
    return latents.numel()


def _failed(what: str, error: Exception) -> Finding:
    _log.info("audit: %s failed", what, exc_info=error)
    told = " ".join(str(error).split())
    return Finding("fails_when_repeated", f"{what}: {type(error).__name__}: {told[:200]}")
