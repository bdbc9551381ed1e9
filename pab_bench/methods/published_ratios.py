"""Ratios of magnitudes that MagCache's authors have published, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_REPOSITORY = "github.com/Zehong-Ma/MagCache"


@dataclass(frozen=True)
class PublishedRatios:
    """Ratios of one checkpoint and number of steps.

    Attributes:
        system: whose architecture the checkpoint has.
        lanes: of every call of a denoising step the ratios, one for every step, 1 at the first.
        source: where they are from.
        power: to which the authors take them before use, so that they lie nearer to 1.
    """

    system: str
    lanes: tuple[tuple[float, ...], ...]
    source: str
    power: float = 1.0

    def used(self) -> tuple[float, ...]:
        """The ratios of the first lane as the authors use them."""
        return tuple(float(ratio**self.power) for ratio in self.lanes[0])


_WAN_CONDITIONAL = (
    1.0,
    1.0124,
    1.00166,
    0.99791,
    0.99682,
    0.99634,
    0.99567,
    0.99416,
    0.99578,
    0.9957,
    0.99511,
    0.99535,
    0.99552,
    0.99541,
    0.9954,
    0.99489,
    0.99518,
    0.99484,
    0.99481,
    0.99415,
    0.99419,
    0.99396,
    0.99388,
    0.99349,
    0.99309,
    0.9927,
    0.99228,
    0.99171,
    0.99137,
    0.99068,
    0.99005,
    0.98944,
    0.98849,
    0.98758,
    0.98644,
    0.98504,
    0.9836,
    0.98202,
    0.97977,
    0.97717,
    0.9741,
    0.97003,
    0.96538,
    0.9593,
    0.95086,
    0.94013,
    0.92402,
    0.90241,
    0.86821,
    0.81838,
)
_WAN_UNCONDITIONAL = (
    1.0,
    1.02213,
    1.0041,
    1.00061,
    0.99762,
    0.99685,
    0.99586,
    0.99422,
    0.99575,
    0.99563,
    0.99506,
    0.99531,
    0.99549,
    0.99539,
    0.99536,
    0.99485,
    0.99514,
    0.99478,
    0.99479,
    0.99413,
    0.99416,
    0.99393,
    0.99386,
    0.99349,
    0.99304,
    0.9927,
    0.99226,
    0.9917,
    0.99135,
    0.99063,
    0.99003,
    0.98942,
    0.98849,
    0.98757,
    0.98643,
    0.98503,
    0.98359,
    0.98201,
    0.97978,
    0.97718,
    0.97411,
    0.97002,
    0.96541,
    0.95933,
    0.95089,
    0.94019,
    0.92414,
    0.9026,
    0.86868,
    0.81939,
)
_OPEN_SORA = (
    1.0,
    0.93359,
    0.96484,
    0.99609,
    1.0,
    0.99609,
    0.99609,
    0.99219,
    1.0,
    1.0,
    0.99609,
    0.99219,
    1.0,
    0.99219,
    0.99609,
    0.99219,
    0.99609,
    0.99609,
    0.99609,
    0.99219,
    0.99219,
    0.99219,
    0.98828,
    0.98828,
    0.98438,
    0.98438,
    0.97656,
    0.97656,
    0.96484,
    0.96484,
)

PUBLISHED_RATIOS: Mapping[tuple[str, int], PublishedRatios] = {
    ("wan", 50): PublishedRatios(
        "wan",
        (_WAN_CONDITIONAL, _WAN_UNCONDITIONAL),
        f"{_REPOSITORY} at 1a66b6d, MagCache4Wan2.1/magcache_generate.py: Wan 2.1 1.3B",
    ),
    ("open_sora", 30): PublishedRatios(
        "open_sora",
        (_OPEN_SORA,),
        f"{_REPOSITORY} at 20ce9eb, eval/magcache/experiments/opensora.py: Open-Sora 1.2",
        power=0.5,
    ),
}
"""By name of the model and denoising steps."""


def published_for_system(system: str, steps: int) -> PublishedRatios | None:
    """What was published for an architecture at a number of steps, whatever the checkpoint."""
    found = (own for (_, own_steps), own in PUBLISHED_RATIOS.items() if own_steps == steps)
    return next((own for own in found if own.system == system), None)
