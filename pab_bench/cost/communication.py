"""What a plan makes the ranks of one video send each other, known before anything is sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.config.settings import Settings
from pab_bench.cost.activation import activation_of
from pab_bench.engine.plan import Plan
from pab_bench.names import SPLITS, Split
from pab_bench.parallel.volumes import CROSSING, Activation, Method, Volume, volume
from pab_bench.systems.blueprint import Blueprint

WAYS: tuple[tuple[Method, Split], ...] = (
    ("dsp", "frames"),
    ("dsp", "tokens"),
    ("ulysses", "frames"),
    ("megatron_sp", "frames"),
)
"""What is compared: dynamic sequence parallelism with either dimension split, and the two that the
paper's Table 4 sets beside it, of temporal attention."""
_WHOLE = 2


@dataclass(frozen=True)
class Attentions:
    """Which attentions of a plan communicate, where one dimension is split.

    Attributes:
        computed: (calls, blocks): whether the attention that crosses it is computed.
        rows: at every call 2 where the whole guidance batch is computed, 1 where one half is, and
            0 where the transformer is not called.
    """

    computed: npt.NDArray[np.bool_]
    rows: tuple[int, ...]

    @property
    def per_call(self) -> tuple[int, ...]:
        """At every call how many."""
        return tuple(int(n) for n in self.computed.sum(axis=1))


def attentions_of(plan: Plan, split: Split, scores: bool = False) -> Attentions:
    """Which attentions communicate: those that a plan computes.

    Args:
        plan: the decisions.
        split: which dimension is split.
        scores: whether only attention probabilities are reused. Values then cross the split
            dimension all the same, so that reuse saves no communication.

    Raises:
        ValueError: if the plan has no attention across that dimension.
    """
    kind = CROSSING[split]
    groups = [group for group in plan.source if group.kind == kind]
    if not groups:
        raise ValueError(f"the plan has no {kind} attention")
    tables = []
    for group in groups:
        reused = np.zeros_like(plan.is_skipped(group)) if scores else plan.reuse(group)
        tables.append(~reused & ~plan.is_skipped(group))
    called = [plan.is_called(call) for call in range(plan.calls)]
    computed = np.concatenate(tables, axis=1) & np.array(called)[:, None]
    halves = plan.rows or (_WHOLE,) * plan.calls
    rows = tuple(own if made else 0 for own, made in zip(halves, called, strict=True))
    return Attentions(computed, rows)


@dataclass(frozen=True)
class Way:
    """One way of splitting a video, with a plan and without it.

    Attributes:
        method: which.
        split: which dimension is split.
        with_plan: what a rank communicates; None where the ranks do not divide the heads.
        baseline: the same with nothing reused.
    """

    method: Method
    split: Split
    with_plan: Volume | None
    baseline: Volume | None

    @property
    def name(self) -> str:
        """As it heads a column."""
        return f"{self.method} {self.split}" if self.method == "dsp" else self.method


@dataclass(frozen=True)
class Communication:
    """What one rank of a point's video communicates.

    Attributes:
        ranks: how many there are.
        activation: the hidden states; None where nothing is known.
        reason: why not; empty where all is known.
        ways: in the order of `WAYS`.
        attentions: per split which attentions communicate.
    """

    ranks: int
    activation: Activation | None
    reason: str = ""
    ways: tuple[Way, ...] = ()
    attentions: tuple[tuple[Split, Attentions], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; bytes are of one rank and one video.

        `computed` has a text for every call, of a 1 for each block whose attention communicates
        and a 0 for each whose does not.
        """
        if self.activation is None:
            return {"ranks": self.ranks, "reason": self.reason}
        own = self.activation
        return {
            "ranks": self.ranks,
            "reason": None,
            "activation": {**asdict(own), "bytes": own.size, "output_bytes": own.output_size},
            "padding_factor": {split: own.padding_factor(split, self.ranks) for split in SPLITS},
            "ways": [self._way(way) for way in self.ways],
            "computed": {
                split: ["".join("01"[int(block)] for block in call) for call in attentions.computed]
                for split, attentions in self.attentions
            },
        }

    def _way(self, way: Way) -> dict[str, Any]:
        assert self.activation is not None
        reason = None
        if way.with_plan is None:
            reason = f"{self.activation.heads} heads do not divide by {self.ranks} ranks"
        return {
            "method": way.method,
            "split": way.split,
            "attention": CROSSING[way.split],
            "reason": reason,
            "message_bytes": self.activation.message(self.ranks) if way.method == "dsp" else None,
            "with_plan": None if way.with_plan is None else asdict(way.with_plan),
            "baseline": None if way.baseline is None else asdict(way.baseline),
        }


def communication_of(
    settings: Settings, blueprint: Blueprint, plan: Plan, ranks: int
) -> Communication:
    """Lay a plan over what every way of splitting a video communicates.

    Args:
        settings: the point.
        blueprint: of its model.
        plan: its decisions.
        ranks: how many share a video.
    """
    activation = activation_of(blueprint, settings.dtype, settings.guidance)
    if activation is None:
        reason = (
            f"{settings.model.name}: its blocks do not attend to a frame and across frames in turns"
        )
        return Communication(ranks, None, reason)
    calls = len(blueprint.timesteps(settings.steps))
    depth = blueprint.architecture.depth
    found = {
        split: attentions_of(plan, split, settings.method.broadcast_object == "scores")
        for split in SPLITS
    }
    ways = tuple(
        Way(
            method,
            split,
            volume(method, activation, split, ranks, found[split].per_call, found[split].rows),
            _everything(method, activation, split, ranks, [depth] * calls),
        )
        for method, split in WAYS
    )
    return Communication(ranks, activation, "", ways, tuple(found.items()))


def _everything(
    method: Method, activation: Activation, split: Split, ranks: int, attentions: Sequence[int]
) -> Volume | None:
    return volume(method, activation, split, ranks, attentions, [_WHOLE] * len(attentions))
