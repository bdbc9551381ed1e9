"""Sections of the configuration that are about one video on several ranks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pab_bench.errors import ConfigError
from pab_bench.names import GATHERS, PARALLEL_METHODS, SPLITS, Gather, ParallelMethod, Split
from pab_bench.parallel.link import parse_link
from pab_bench.parallel.volumes import COUNTED, Counted
from pab_bench.problems import Problems

_MOST_RANKS = 1024


@dataclass(frozen=True)
class ParallelSettings:
    """How ranks that torchrun has started share one video.

    Attributes:
        method: `dsp`, `ulysses` or `megatron_sp`; `none`: each rank has videos of its own.
        split: `frames` or `tokens` (of a frame): the dimension of which each rank has a share.
        gather: `output` or `hidden`: what is put together behind the last block.
        guidance: whether each half of the ranks computes one half of the guidance batch.
        timeout_s: seconds that a collective waits for other ranks.
    """

    method: ParallelMethod = "none"
    split: Split = "frames"
    gather: Gather = "output"
    guidance: bool = False
    timeout_s: float = 45.0

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        problems = Problems("parallel")
        problems.choice("method", self.method, PARALLEL_METHODS)
        problems.choice("split", self.split, SPLITS)
        problems.choice("gather", self.gather, GATHERS)
        problems.finite("timeout_s", self.timeout_s, 1, "of at least 1 (seconds)")
        problems.raise_if_any()

    @property
    def is_on(self) -> bool:
        """Whether ranks share one video."""
        return self.method != "none" or self.guidance


@dataclass(frozen=True)
class CostSettings:
    """What `task=cost` counts besides operations.

    Attributes:
        ranks: how many ranks share a video, whose communication is shown.
    """

    ranks: int = 8

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant."""
        problems = Problems("cost")
        _check_ranks("ranks", self.ranks, problems)
        problems.raise_if_any()


@dataclass(frozen=True)
class ScalingSettings:
    """What `task=scaling` predicts from.

    Attributes:
        seconds: of one video on one rank without the method; None = as measured: timed calls of
            this machine, or the points of `results_dir`.
        gain: that over the seconds with the method, on one rank; None = as measured, or by
            `shares`.
        shares: how the gain follows from what is reused: from operations (`flops`), or from the
            times of timed calls by kind (`times`).
        serial: seconds of a video that every rank spends in full: text encoder, decoder.
        latent_frames: of the clip, where `seconds` are of a longer or shorter one than the model's;
            None = the model's.
        link: between ranks of a node: `nvlink`, `pcie5`, `ndr`, or ALPHA,BETA in microseconds and
            GB/s.
        between: of each rank to other nodes, likewise.
        per_node: ranks of a node.
        ranks: how many share a video, in order.
        gather: what is gathered at the end of a call, of which the time counts: `none`, `output`
            or `hidden`.
    """

    seconds: float | None = None
    gain: float | None = None
    shares: Literal["flops", "times"] = "flops"
    serial: float = 0.0
    latent_frames: int | None = None
    link: str = "nvlink"
    between: str = "ndr"
    per_node: int = 8
    ranks: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    gather: Counted = "none"

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant, and links that there are not."""
        problems = Problems("scaling")
        for key in ("seconds", "gain"):
            value: float | None = getattr(self, key)
            if value is not None and not (math.isfinite(value) and value > 0):
                problems.add(key, value, "must be a finite number above 0, or null")
        problems.choice("shares", self.shares, ("flops", "times"))
        problems.choice("gather", self.gather, COUNTED)
        problems.finite("serial", self.serial, 0, "of at least 0 (seconds)")
        if self.seconds is not None and 0 < self.seconds <= self.serial:
            problems.add("serial", self.serial, f"must be below scaling.seconds={self.seconds:g}")
        if self.latent_frames is not None:
            problems.at_least("latent_frames", self.latent_frames, 1)
        for key in ("link", "between"):
            try:
                parse_link(getattr(self, key))
            except ConfigError as error:
                problems.add(key, getattr(self, key), str(error))
        _check_ranks("per_node", self.per_node, problems)
        problems.distinct("ranks", self.ranks, "at least one number of ranks")
        for ranks in self.ranks:
            _check_ranks("ranks", ranks, problems)
        if self.per_node >= 1 and any(n > self.per_node and n % self.per_node for n in self.ranks):
            allowed = f"must be at most scaling.per_node={self.per_node}, or fill whole nodes"
            problems.add("ranks", self.ranks, allowed)
        if list(self.ranks) != sorted(self.ranks):
            problems.add("ranks", self.ranks, "must be in rising order")
        problems.raise_if_any()


def _check_ranks(key: str, ranks: int, problems: Problems) -> None:
    if not 1 <= ranks <= _MOST_RANKS:
        problems.add(key, ranks, f"must be a whole number from 1 to {_MOST_RANKS}")
