"""What connects ranks: how long a message waits, and how fast bytes go.

One direction of one rank's own connection counts; ranks of a node have one link, nodes another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pab_bench.errors import ConfigError
from pab_bench.problems import did_you_mean

MICRO, GIGA = 1e-6, 1e9
_HALF, _TWICE = 0.5, 2.0


@dataclass(frozen=True)
class Link:
    """One kind of connection.

    Attributes:
        name: as it was given.
        latency_s: seconds that every collective takes, however small it is: alpha.
        bandwidth: bytes a second that leave a rank: beta.
        latencies_s: shortest and longest that a band is drawn over.
        bandwidths: highest and lowest, likewise.
        source: whose numbers these are: a datasheet's, or an assumption's.
    """

    name: str
    latency_s: float
    bandwidth: float
    latencies_s: tuple[float, float]
    bandwidths: tuple[float, float]
    source: str

    @property
    def best(self) -> Link:
        """The fast edge of the band."""
        return replace(self, latency_s=self.latencies_s[0], bandwidth=self.bandwidths[0])

    @property
    def worst(self) -> Link:
        """The slow edge of the band."""
        return replace(self, latency_s=self.latencies_s[1], bandwidth=self.bandwidths[1])

    def seconds(self, sent: float) -> float:
        """How long bytes take that leave a rank, without the latency."""
        return sent / self.bandwidth

    def in_words(self) -> str:
        """Numbers, band and source."""
        (short, long), (high, low) = self.latencies_s, self.bandwidths
        return (
            f"{self.name}: {self.latency_s / MICRO:g} µs [{short / MICRO:g}, {long / MICRO:g}] a "
            f"collective, {self.bandwidth / GIGA:g} GB/s [{low / GIGA:g}, {high / GIGA:g}] a rank "
            f"and direction ({self.source})"
        )


LINKS: Mapping[str, Link] = {
    "nvlink": Link(
        "nvlink",
        20 * MICRO,
        350 * GIGA,
        (5 * MICRO, 50 * MICRO),
        (450 * GIGA, 150 * GIGA),
        "assumed; NVLink 4 of an H100: 450 GB/s by the datasheet",
    ),
    "pcie5": Link(
        "pcie5",
        20 * MICRO,
        25 * GIGA,
        (5 * MICRO, 50 * MICRO),
        (50 * GIGA, 10 * GIGA),
        "assumed; PCIe 5.0 x16: 63 GB/s by the standard, shared by several GPUs",
    ),
    "ndr": Link(
        "ndr",
        20 * MICRO,
        45 * GIGA,
        (5 * MICRO, 50 * MICRO),
        (50 * GIGA, 25 * GIGA),
        "assumed; InfiniBand NDR, a card a GPU: 400 Gb/s = 50 GB/s by the datasheet",
    ),
}


def parse_link(text: str) -> Link:
    """The link of a name, or of `ALPHA,BETA`: microseconds and GB/s (10^9 bytes).

    Its band goes from half to twice of each number.

    Raises:
        ConfigError: if it is neither, saying what is allowed.
    """
    if text in LINKS:
        return LINKS[text]
    alpha, comma, beta = text.partition(",")
    try:
        latency, bandwidth = float(alpha) * MICRO, float(beta) * GIGA
    except ValueError:
        comma = ""
    if not comma:
        raise ConfigError(
            f"must be one of {', '.join(LINKS)}, or ALPHA,BETA: microseconds a collective and "
            f"GB/s, such as 20,350.{did_you_mean(text, LINKS)}"
        )
    if not (math.isfinite(latency) and latency >= 0 and math.isfinite(bandwidth) and bandwidth > 0):
        raise ConfigError(
            "ALPHA must be a finite number of at least 0 (microseconds), BETA one above 0 (GB/s)"
        )
    return Link(
        text,
        latency,
        bandwidth,
        (_HALF * latency, _TWICE * latency),
        (_TWICE * bandwidth, _HALF * bandwidth),
        "given",
    )


@dataclass(frozen=True)
class Cluster:
    """Ranks on nodes.

    Attributes:
        within: the link between ranks of a node.
        between: the link of each rank to other nodes.
        per_node: ranks of a node.
    """

    within: Link
    between: Link
    per_node: int

    @property
    def best(self) -> Cluster:
        """The fast edge of both bands."""
        return Cluster(self.within.best, self.between.best, self.per_node)

    @property
    def worst(self) -> Cluster:
        """The slow edge of both bands."""
        return Cluster(self.within.worst, self.between.worst, self.per_node)

    def seconds(self, handled: float, ranks: int, everywhere: bool = False) -> float:
        """How long one collective takes.

        What stays on the node and what leaves it travel at the same time, each on its own link.

        Args:
            handled: bytes of a rank, what it keeps for itself included; of a gather or a scatter
                the whole tensor.
            ranks: how many take part; all on one node, or on whole nodes.
            everywhere: whether it is a gather or a scatter of the whole tensor. Every byte then
                enters a node once, by as many cards as it has ranks, and goes around in it.

        Raises:
            ValueError: if a node would be half full.
        """
        if ranks == 1:
            return 0.0
        if ranks <= self.per_node:
            return self.within.latency_s + self.within.seconds(handled * (ranks - 1) / ranks)
        if ranks % self.per_node:
            raise ValueError(f"{ranks} ranks do not fill nodes of {self.per_node}")
        elsewhere = handled * (ranks - self.per_node) / ranks
        here = handled * (self.per_node - 1) / ranks
        if everywhere:
            elsewhere, here = elsewhere / self.per_node, handled * (ranks - 1) / ranks
        latency = max(self.within.latency_s, self.between.latency_s)
        return latency + max(self.within.seconds(here), self.between.seconds(elsewhere))
