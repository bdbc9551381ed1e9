"""How long a video takes on several ranks, predicted from one rank's time and the bytes sent.

    t(n) = serial + (t1 - serial) / n x padding + communication
    communication = sum over collectives of [alpha + bytes sent / beta]

Computing is taken to divide perfectly, and no communication to hide behind it. Every part is kept
apart, so that what a speedup is made of can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pab_bench.names import Split
from pab_bench.parallel.link import Cluster, Link
from pab_bench.parallel.volumes import (
    Activation,
    Counted,
    Method,
    exchange,
)


@dataclass(frozen=True)
class Work:
    """One video on one rank, and what of it communicates.

    Attributes:
        seconds: on one rank.
        serial: seconds of these that every rank spends in full: text encoder, decoder.
        attentions: at every call how many attentions communicate.
        rows: at every call 2 where the whole guidance batch is computed, 1 where one half is, 0
            where the transformer is not called.
    """

    seconds: float
    serial: float
    attentions: tuple[int, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How a video is split.

    Attributes:
        method: what communicates.
        split: which dimension is split.
        activation: of a call with the whole guidance batch.
        gather: what is gathered at the end of every call, of which the time counts.
    """

    method: Method
    split: Split
    activation: Activation
    gather: Counted = "none"


@dataclass(frozen=True)
class Parts:
    """Seconds of a video on several ranks, apart.

    Attributes:
        serial: spent in full by every rank.
        computing: the rest of one rank's time, divided.
        padding: what computing padded tokens adds.
        exchanges: all-to-alls, or the gathers and scatters in their place.
        gathering: the gather at the end of every call.
    """

    serial: float
    computing: float
    padding: float
    exchanges: float
    gathering: float

    @property
    def communication(self) -> float:
        """Exchanges and gather."""
        return self.exchanges + self.gathering

    @property
    def total(self) -> float:
        """All of it."""
        return self.serial + self.computing + self.padding + self.communication


def predict(work: Work, layout: Layout, ranks: int, cluster: Cluster) -> Parts | None:
    """The time of a video on several ranks; None where the method cannot use so many.

    Args:
        work: what is to be done.
        layout: how it is split.
        ranks: how many.
        cluster: what connects them.
    """
    divided = (work.seconds - work.serial) / ranks
    padding = layout.activation.padding_factor(layout.split, ranks) - 1
    exchanges = gathering = 0.0
    halves = {2: layout.activation, 1: replace(layout.activation, rows=1)}
    for rows, activation in halves.items():
        found = exchange(layout.method, activation, layout.split, ranks)
        if found is None:
            return None
        calls = [
            count for count, own in zip(work.attentions, work.rows, strict=True) if own == rows
        ]
        if ranks == 1:
            continue
        # One collective of several: an exchange is that many of equal size.
        each = cluster.seconds(found.handled / found.collectives, ranks, found.everywhere)
        exchanges += sum(calls) * found.collectives * each
        size = _gathered(activation, layout.gather)
        gathering += len(calls) * cluster.seconds(size, ranks, everywhere=True) if size else 0.0
    return Parts(work.serial, divided, divided * padding, exchanges, gathering)


def _gathered(activation: Activation, gather: Counted) -> int:
    sizes = {"none": 0, "output": activation.output_size, "hidden": activation.size}
    return sizes[gather]


@dataclass(frozen=True)
class Decomposition:
    """What a speedup against one rank's baseline is made of.

    Attributes:
        speedup: baseline on one rank over the method on several.
        gain: baseline over method on one rank.
        scaling: method on one rank over method on several; `speedup` is `gain` times it.
        saved_computing: seconds that the method saves on these ranks by computing less.
        saved_communication: seconds that it saves by communicating less.
    """

    speedup: float
    gain: float
    scaling: float
    saved_computing: float
    saved_communication: float

    @property
    def communication_share(self) -> float | None:
        """The share of what is saved that is communication; None where nothing is saved."""
        saved = self.saved_computing + self.saved_communication
        return self.saved_communication / saved if saved else None


def decompose(
    baseline: Work, method: Work, layout: Layout, ranks: int, cluster: Cluster
) -> Decomposition | None:
    """Take the speedup of a method on several ranks apart; None where `predict` has nothing.

    Args:
        baseline: the same video without the method.
        method: with it.
        layout: how both are split.
        ranks: how many.
        cluster: what connects them.
    """
    before = predict(baseline, layout, ranks, cluster)
    after = predict(method, layout, ranks, cluster)
    if before is None or after is None:
        return None
    computing = before.computing + before.padding + before.serial
    return Decomposition(
        speedup=baseline.seconds / after.total,
        gain=baseline.seconds / method.seconds,
        scaling=method.seconds / after.total,
        saved_computing=computing - after.computing - after.padding - after.serial,
        saved_communication=before.communication - after.communication,
    )


def over_bandwidths(
    baseline: Work,
    method: Work,
    layout: Layout,
    ranks: int,
    cluster: Cluster,
    bandwidths: Sequence[float],
) -> list[Decomposition | None]:
    """Decompose at one bandwidth after the other, of the link within a node.

    Args:
        baseline: as of `decompose`.
        method: likewise.
        layout: likewise.
        ranks: likewise, on one node.
        cluster: whose latency counts.
        bandwidths: bytes a second.
    """
    found = []
    for bandwidth in bandwidths:
        link: Link = replace(cluster.within, bandwidth=bandwidth)
        found.append(decompose(baseline, method, layout, ranks, replace(cluster, within=link)))
    return found
