"""What an acceleration was asked to do, as far as its configuration says so.

Source of the fields: diffusers 0.42, `PyramidAttentionBroadcastConfig`, `FasterCacheConfig`,
`TaylorSeerCacheConfig`, `FirstBlockCacheConfig`, `MagCacheConfig`, `SeaCacheConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pab_bench.engine.kinds import KINDS

_ATTENTION = ("spatial", "temporal", "cross")
_STACKS = ("FirstBlockCacheConfig", "MagCacheConfig", "SeaCacheConfig")


@dataclass(frozen=True)
class Range:
    """Every so many calls compute inside a window, all of them outside.

    Attributes:
        every: the number of calls; 1 reuses nothing.
        window: timesteps between which outputs are reused, both excluded.
    """

    every: int
    window: tuple[float, float]

    def inside(self, timestep: float | None) -> bool:
        """Whether a timestep lies in the window."""
        return timestep is not None and self.window[0] < timestep < self.window[1]

    def computes(self, timesteps: Sequence[float | None]) -> int:
        """At how many calls of these timesteps something is computed.

        >>> Range(2, (100, 800)).computes([900, 700, 500, 300, 50])
        4
        """
        return sum(
            call % self.every == 0 or not self.inside(timestep)
            for call, timestep in enumerate(timesteps)
        )


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        kinds: of sites that are to reuse something; None = not known.
        others_compute: whether sites of all other kinds are to compute whenever they are visited.
        ranges: of kinds, the rule that each is to follow by itself.
        halves: the rule by which one half of the guidance batch is to be left out.
    """

    kinds: frozenset[str] | None = None
    others_compute: bool = False
    ranges: Mapping[str, Range] = field(default_factory=dict)
    halves: Range | None = None


def asked_of(config: Any, kinds: Sequence[str] | None) -> Asked:
    """Read what was asked for from an enabled configuration, or take what the user says.

    Args:
        config: of diffusers; None, or any other, says nothing.
        kinds: what the user says of them; it counts more.
    """
    found = _of_config(config)
    if kinds is None:
        return found
    own = frozenset(kinds)
    ranges = {kind: rule for kind, rule in found.ranges.items() if kind in own}
    return Asked(own, True, ranges, found.halves)


def _of_config(config: Any) -> Asked:
    name = type(config).__name__
    if name == "PyramidAttentionBroadcastConfig":
        ranges = _ranges(config, _ATTENTION)
        return Asked(frozenset(ranges), True, ranges)
    if name == "FasterCacheConfig":
        halves = Range(
            config.unconditional_batch_skip_range, config.unconditional_batch_timestep_skip_range
        )
        ranges = _ranges(config, _ATTENTION[:2])
        own = None if config.is_guidance_distilled else halves
        return Asked(frozenset(ranges), True, halves=own)
    if name == "TaylorSeerCacheConfig":
        named = config.cache_identifiers or config.skip_predict_identifiers
        if named or config.use_lite_mode:
            return Asked()
        return Asked(frozenset(_ATTENTION), True)
    return Asked(frozenset(KINDS)) if name in _STACKS else Asked()


def _ranges(config: Any, kinds: Sequence[str]) -> dict[str, Range]:
    """The rules of kinds that reuse something."""
    found = {}
    for kind in kinds:
        every = getattr(config, f"{kind}_attention_block_skip_range")
        if every is not None and every > 1:
            window = getattr(config, f"{kind}_attention_timestep_skip_range")
            found[kind] = Range(every, (float(window[0]), float(window[1])))
    return found


def windows_of(config: Any) -> dict[str, tuple[float, float]]:
    """The windows of a configuration by their fields; none where it has none."""
    end = "_timestep_skip_range"
    found = {}
    for name in vars(config) if config is not None else ():
        if not name.endswith(end):
            continue
        what = name.removesuffix(end)
        rules = (
            getattr(config, f"{what}{rule}", None) for rule in ("_block_skip_range", "_skip_range")
        )
        if any(every is not None and every > 1 for every in rules):
            low, high = getattr(config, name)
            found[name] = (float(low), float(high))
    return found
