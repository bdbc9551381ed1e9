"""Replays what videos have in common, instead of computing it again."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch

from pab_bench.config.paths import PACKAGE
from pab_bench.config.settings import Settings
from pab_bench.engine.cache import Cache
from pab_bench.engine.engine import Address
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.engine.prefix import kept_peak, prefix_digests, resume_call
from pab_bench.errors import PabBenchError
from pab_bench.experiment.identity import reuse_identity, video_identity
from pab_bench.store.tapes import TapedCall, TapeStore, size_of
from pab_bench.systems.pictures import prompt_identity

_log = logging.getLogger(__name__)
GIGABYTE = 10**9


class NotTapeable(PabBenchError):
    """The transformer's output is nothing that can be kept."""


class Tapes:
    """The tapes of one point's videos.

    Args:
        store: where they lie.
        memory: bytes that the tape of one video may hold.
        identity: the point's, with weights, versions and device.
        plan: its decisions.
        device: where the transformer computes.
        calls: so many first calls are played and kept; None = all.
    """

    def __init__(
        self,
        store: TapeStore,
        memory: int,
        identity: Mapping[str, Any],
        plan: Plan,
        device: str,
        calls: int | None = None,
    ) -> None:
        self._store = store
        self._memory = memory
        self._plan = plan
        self._device = device
        self._digests = prefix_digests(plan, reuse_identity(identity))[:calls]
        # Half a video of one version of our own models must not go on with another.
        self._common = {**video_identity(identity), "code": _code_digest()}

    def open(self, prompt: str, seed: int) -> VideoTape:
        """The tape of one video."""
        content = {**self._common, "prompt": prompt_identity(prompt), "seed": seed}
        address = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]
        return VideoTape(
            self._store, address, self._digests, self._plan, self._memory, self._device
        )


def use_tapes(settings: Settings, plan: Plan, replayable: int = 0) -> bool:
    """Whether a point's videos are replayed and kept; see `open_tapes`.

    Only where the plan's table of sites says all, or for the beginning of an open one: what else a
    policy keeps is not known before.
    """
    wanted = settings.measure.replay and settings.tape.disk_gb > 0
    possible = plan.sites_only or (plan.is_open and replayable > 0)
    return wanted and not settings.fresh and not is_control(settings, plan) and possible


def is_control(settings: Settings, plan: Plan) -> bool:
    """Whether a point that is no baseline makes the baseline's calls and reuses nothing."""
    same = settings.method.sampled_steps(settings.steps) == settings.steps
    return same and plan.is_baseline() and not settings.is_baseline()


def open_tapes(
    settings: Settings,
    identity: Mapping[str, Any],
    plan: Plan,
    device: str,
    replayable: int = 0,
) -> Tapes | None:
    """The tapes of a point's videos; None if everything is computed.

    A variant that reuses nothing is a control: it must go through everything by itself. So must
    what is asked for afresh.

    Args:
        settings: the point.
        identity: the point's, with weights, versions and device.
        plan: its decisions.
        device: where the transformer computes.
        replayable: where the plan is open, so many first calls compute everything, and the policy
            need not have seen them: they are the baseline's.
    """
    if not use_tapes(settings, plan, replayable):
        return None
    store = TapeStore(settings.results_dir, int(settings.tape.disk_gb * GIGABYTE))
    memory = int(settings.tape.memory_gb * GIGABYTE)
    return Tapes(store, memory, identity, plan, device, replayable if plan.is_open else None)


@cache
def _code_digest() -> str:
    """Of the code that a video goes through here."""
    digest = hashlib.sha256()
    for folder in ("engine", "methods", "systems"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


class VideoTape:
    """The tape of one video: plays the calls that are known, keeps those that are computed.

    Args:
        store: where tapes lie.
        trajectory: address of everything that determines the video but its plan.
        digests: per call, of all decisions up to it.
        plan: the decisions.
        memory: bytes that known and new calls may take together. What does not fit is computed, or
            not kept.
        device: where the transformer computes.

    Attributes:
        seconds: what each known call took when it was computed.
        peak_cache_bytes: the most that broadcasting had held at once during the known calls.
    """

    def __init__(
        self,
        store: TapeStore,
        trajectory: str,
        digests: Sequence[str],
        plan: Plan,
        memory: int,
        device: str,
    ) -> None:
        self._store = store
        self._trajectory = trajectory
        self._digests = digests
        self._memory = memory
        self._device = device
        self._known = self._load(plan)
        self._new: dict[int, list[tuple[torch.Tensor, ...]]] = {}
        self._bare = True
        self._sizes: dict[tuple[Group, int], int] = {}
        self.seconds = [call.seconds for call in self._known]
        self.peak_cache_bytes = 0
        if self._known:
            groups = {group.name: group for group in plan.source}
            sites = [(groups[name], block, size) for name, block, size in self._known[-1].sites]
            self._sizes = {(group, block): size for group, block, size in sites}
            lanes = len(self._known[-1].outputs)
            self.peak_cache_bytes = kept_peak(plan, len(self._known), sites, lanes)

    @property
    def known(self) -> int:
        """How many first calls are played instead of computed."""
        return len(self._known)

    def _load(self, plan: Plan) -> list[TapedCall]:
        shared = self._store.known(self._trajectory, self._digests)
        calls: list[TapedCall] = []
        for digest in self._digests[: resume_call(plan, shared)]:
            call = self._store.load(self._trajectory, digest)
            if call is None or call.bytes > self._memory:
                break
            self._memory -= call.bytes
            calls.append(call)
        return calls[: resume_call(plan, len(calls))]

    def play(self, call: int, lane: int) -> Any:
        """The output of a known call."""
        known = self._known[call]
        tensors = [tensor.to(self._device, copy=True) for tensor in known.outputs[lane]]
        return tensors[0] if known.bare else tuple(tensors)

    def record(self, call: int, lane: int, output: Any) -> None:
        """Keep a copy of an output until the video is done."""
        bare = isinstance(output, torch.Tensor)
        tensors = (output,) if bare else output
        if not isinstance(tensors, tuple) or not all(isinstance(t, torch.Tensor) for t in tensors):
            raise NotTapeable(
                f"the transformer returned {type(output).__name__}, a tape can keep a tensor or a "
                "tuple of tensors; measure.replay=false samples without a tape"
            )
        if call >= len(self._digests):
            return
        self._memory -= size_of(tensors)
        if self._memory >= 0:
            self._new.setdefault(call, []).append(tuple(t.detach().clone() for t in tensors))
            self._bare = bare

    def note_sizes(self, cache: Cache[Address]) -> None:
        """A step has ended; this is what broadcasting holds."""
        for (group, _, block, _), tensors in cache.sizes().items():
            size = sum(cache.options.bytes_of(*tensor) for tensor in tensors)
            self._sizes[group, block] = size

    def keep(
        self, seconds: Sequence[float], order: Sequence[tuple[Group, int]], lanes: int = 1
    ) -> None:
        """Write the new calls to disk.

        Args:
            seconds: what each step of the video took.
            order: the sites in the order in which a computed call visits them.
            lanes: transformer calls per step.
        """
        sites = [(group.name, block, self._sizes.get((group, block), 0)) for group, block in order]
        for call, outputs in self._new.items():
            digest = self._digests[call]
            if len(outputs) < lanes or self._store.path(self._trajectory, digest).exists():
                continue
            host = [[tensor.cpu() for tensor in tensors] for tensors in outputs]
            taped = TapedCall(host, self._bare, seconds[call], sites)
            try:
                self._store.save(self._trajectory, digest, taped)
            except OSError as error:  # A full disk, say: the tape only saves time.
                _log.warning("the tape could not be written: %s", error)
                return
