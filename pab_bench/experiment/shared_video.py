"""One video on all ranks: splits its calls, and compares what the ranks hold and send."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from pab_bench.config.rank_sections import ParallelSettings
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, transformers_of
from pab_bench.experiment.arithmetic import arithmetic
from pab_bench.experiment.provenance import versions
from pab_bench.experiment.session import digest
from pab_bench.parallel.attach import Parallel, Ranks
from pab_bench.parallel.groups import make_ranks
from pab_bench.parallel.guidance import HALVES
from pab_bench.parallel.inputs import checksum
from pab_bench.parallel.layout import Layout
from pab_bench.parallel.ledger import Calls, check_recorded
from pab_bench.parallel.planned import PlannedLayout, PlannedParallel, planned_layout_of
from pab_bench.parallel.predicted import (
    predicted_by_call,
    predicted_calls,
    sharing_of,
)
from pab_bench.parallel.recorder import Collective
from pab_bench.parallel.refused import ParallelRefused, RanksDiffer
from pab_bench.parallel.registry import layout_of

Attached = Parallel | PlannedParallel


@dataclass(frozen=True)
class SharedVideo:
    """How the calls of one model are shared out among the ranks of a run.

    Attributes:
        settings: `parallel.*`.
        ranks: the groups of this rank.
        everyone: all ranks, to compare; its messages lie in the host's memory.
        scores: whether probabilities are kept, so that a reused attention calls its module.
    """

    settings: ParallelSettings
    ranks: Ranks
    everyone: dist.ProcessGroup
    scores: bool = False

    def attach(self, architecture: Architecture) -> Attached:
        """Make the context in which calls are split.

        Raises:
            ParallelRefused: if there is no layout of the model for these settings.
        """
        transformers = transformers_of(architecture)
        layout = layout_for(transformers[0], self.settings, self.everyone.size())
        if isinstance(layout, PlannedLayout):
            return PlannedParallel(transformers, layout, self.everyone)
        own = self.settings
        return Parallel(transformers, layout, self.ranks, own.method, own.split, own.gather)

    def check(
        self,
        attached: Attached,
        transformers: Sequence[nn.Module],
        lanes: Sequence[Plan],
        latents: torch.Tensor,
    ) -> Calls:
        """Compare what was sent with what must be, and what all ranks have computed.

        Args:
            attached: what was attached while the video was sampled.
            transformers: of the model.
            lanes: what was decided in each of the calls that a denoising step takes.
            latents: that came out.

        Returns:
            Per call of the transformer what was sent.

        Raises:
            CommunicationMismatch: if other collectives were issued than must be.
            RanksDiffer: if a rank was given, or has computed, something else than rank 0.
        """
        self._compare(attached.inputs.checksums(), digest(latents))
        by_lane = [self._predicted(attached, transformers, plan) for plan in lanes]
        predicted = [calls[i] for i in range(lanes[0].calls) for calls in by_lane]
        check_recorded(attached.recorder.calls, predicted)
        return attached.recorder.calls

    def _predicted(
        self, attached: Attached, transformers: Sequence[nn.Module], plan: Plan
    ) -> list[list[Collective]]:
        shape = attached.inputs.shapes[0]
        layout = layout_for(transformers[0], self.settings, self.everyone.size())
        if isinstance(layout, PlannedLayout):
            planned = layout

            def of_call(rows: int, blocks: Sequence[int]) -> list[Collective]:
                batch = shape[0] * rows // 2
                own = (batch, *shape[1:])
                return planned.call(transformers[0], own, self.everyone.size(), blocks)

            return predicted_by_call(plan, planned.branch, of_call, self.scores)
        own = self.settings
        halves = HALVES if own.guidance else 1
        each = self.everyone.size() // halves
        sharing = sharing_of(
            transformers[0], layout, own.method, own.split, own.gather, each, halves, shape[1:]
        )
        size = layout.size_of(transformers[0], shape[1:], shape[0])
        return predicted_calls(plan, layout, size, sharing, self.scores)

    def _compare(self, inputs: Sequence[int], latents: str | None) -> None:
        everyone: list[Any] = [None] * self.everyone.size()
        dist.all_gather_object(everyone, (list(inputs), latents), group=self.everyone)
        ours, came_out = everyone[0]
        for rank, (theirs, theirs_out) in enumerate(everyone):
            if theirs != ours:
                pairs = zip(theirs, ours, strict=False)
                first = next((i for i, (a, b) in enumerate(pairs) if a != b), len(ours))
                raise RanksDiffer(
                    f"rank {rank} was given something else than rank 0 at call {first} of the "
                    "transformer: ranks of one video must sample the same one"
                )
            if theirs_out != came_out:
                raise RanksDiffer(f"rank {rank} ends with other latents than rank 0")


@contextmanager
def shared_video(settings: ParallelSettings, scores: bool = False) -> Iterator[SharedVideo]:
    """Form the groups in which all ranks share videos, for as long as the context lasts.

    Every rank enters it at the same time; groups of a point that failed are of no more use.

    Args:
        settings: `parallel.*`.
        scores: whether probabilities are kept.
    """
    timeout = timedelta(seconds=settings.timeout_s)
    members = range(dist.get_world_size())
    # A rank that is still loading its model comes late; one that has died is noticed at once.
    everyone = dist.new_group(list(members), timeout=timeout, backend="gloo")
    ranks = make_ranks(members, settings.guidance, timeout)
    assert ranks is not None
    groups = [everyone, *(g for g in (ranks.sequence, ranks.guidance) if g is not None)]
    try:
        yield SharedVideo(settings, ranks, everyone, scores)
    finally:
        for group in groups:
            dist.destroy_process_group(group)


def layout_for(
    transformer: nn.Module, settings: ParallelSettings, ranks: int
) -> Layout | PlannedLayout:
    """Find the layout of a transformer, and check that it can be shared out as is wanted.

    Args:
        transformer: the model.
        settings: `parallel.*`.
        ranks: how many there are.

    Raises:
        ParallelRefused: if it cannot; it says what can be.
    """
    method, name = settings.method, type(transformer).__name__
    key = f"parallel.method={method}"
    planned = planned_layout_of(transformer)
    if planned is not None:
        if method != "ulysses" or settings.guidance or settings.gather != "output":
            raise ParallelRefused(
                f"{key}: {name} is split by diffusers' own plan: parallel=ulysses, without "
                "parallel.guidance and with parallel.gather=output"
            )
        check_heads(planned.heads(transformer), method, ranks)
        return planned
    layout = layout_of(transformer)
    if layout is None:
        own = getattr(transformer, "_cp_plan", None)
        reason = (
            "its plan in diffusers was not compared with one rank, and plans can be silently wrong"
            if own
            else "there is no layout of it, and a plan made for it would be silently wrong: old "
            "attention processors do not know that their input is split"
        )
        raise ParallelRefused(f"{key}: {name} cannot be split: {reason}")
    check_heads(layout.heads(transformer), method, ranks // (HALVES if settings.guidance else 1))
    return layout


def check_decided(plan: Plan, method: str) -> None:
    """Raise `ParallelRefused` if a method decides while it samples, by what a rank sees.

    Ranks see different shares: those that decided otherwise than the rest would keep it waiting.
    """
    if plan.is_open:
        raise ParallelRefused(
            f"method={method}: decides while it samples, by what it sees; ranks that share a video "
            "see different parts of it and could decide differently: use parallel=none"
        )


def check_heads(heads: int, method: str, ranks: int) -> None:
    """Raise `ParallelRefused` if a method shares out heads and they do not divide by the ranks."""
    if method in ("ulysses", "megatron_sp") and heads % ranks:
        fits = [n for n in range(2, heads + 1) if heads % n == 0]
        raise ParallelRefused(
            f"parallel.method={method}: {ranks} ranks cannot share {heads} heads; "
            f"{', '.join(map(str, fits))} can, or any number with parallel=dsp"
        )


def facts_of_rank(
    transformers: Sequence[nn.Module], device: str, threads: int | None
) -> dict[str, str]:
    """Tell what must be the same on all ranks that share a video, each in a word.

    Args:
        transformers: of the loaded model.
        device: where it computes.
        threads: with how many.
    """
    sums = hashlib.sha256()
    for transformer in transformers:
        for name, tensor in transformer.state_dict().items():
            sums.update(f"{name} {tensor.dtype} {int(checksum(tensor))}".encode())
    return {
        "weights": sums.hexdigest()[:12],
        **{f"version of {name}": version for name, version in versions().items()},
        **{name: str(v) for name, v in arithmetic(device, threads).items()},
    }


def check_facts(facts: Sequence[dict[str, str]]) -> None:
    """Compare what `facts_of_rank` says on every rank.

    Raises:
        RanksDiffer: naming the first rank that differs from rank 0, and in what.
    """
    for rank, own in enumerate(facts):
        names = {**facts[0], **own}
        differing = [name for name in names if own.get(name) != facts[0].get(name)]
        if differing:
            told = ", ".join(
                f"{name} {own.get(name)} (rank 0: {facts[0].get(name)})" for name in differing
            )
            raise RanksDiffer(f"rank {rank} differs from rank 0: {told}; nothing was sampled")
