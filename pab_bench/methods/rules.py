"""Rules: per kind, when and where an output is computed and reused.

Source: PAB, arXiv 2408.12588; VideoSys `core/pab_mgr.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from pab_bench.engine.kinds import Group, Kind
from pab_bench.methods.windows import FlatPart, StepShare, Window


@dataclass(frozen=True)
class GapRule:
    """Within a window of steps every `gap`-th step is computed, the others reuse its output.

    Source: PAB, arXiv 2408.12588, section 3; VideoSys `core/pab_mgr.py`.

    Attributes:
        skip: whether outputs of this kind are broadcast at all.
        threshold: (low, high) timesteps, exclusive at both ends, within which reuse is allowed; or
            a share of the steps.
        gap: every `gap`-th step, counted from the video's first, computes. 1 never reuses.
        block: (first, last) block that may reuse, inclusive; None means all.
    """

    skip: bool = False
    threshold: Window = (0, 1000)
    gap: int = 1
    block: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if self.gap < 1:
            raise ValueError(f"gap: must be at least 1, got {self.gap}")
        if isinstance(self.threshold, tuple) and not self.threshold[0] < self.threshold[1]:
            low, high = self.threshold
            raise ValueError(f"threshold: low must be below high, got [{low}, {high}]")
        if self.block is not None and not 0 <= self.block[0] <= self.block[1]:
            raise ValueError(f"block: must be [first, last], 0 <= first <= last, got {self.block}")

    def reuses(self, step: int, timestep: int, block: int) -> bool:
        """Whether `block` reuses its output at `step` (0 = the noisiest) and `timestep`.

        Raises:
            ValueError: if the window is none of timesteps, so that more must be known.
        """
        if isinstance(self.threshold, StepShare | FlatPart):
            raise ValueError(f"threshold: {self.threshold} is no window of timesteps")
        low, high = self.threshold
        return low < timestep < high and self.reuses_inside(step, block)

    def reuses_inside(self, step: int, block: int) -> bool:
        """Whether `block` reuses its output at `step`, which lies in the window."""
        return (
            self.skip
            and step % self.gap != 0
            and (self.block is None or self.block[0] <= block <= self.block[1])
        )


@dataclass(frozen=True)
class KeyTime:
    """At `timestep` the outputs of `blocks` are computed, and reused by the next `reuse_steps`."""

    timestep: int
    reuse_steps: int
    blocks: frozenset[int]

    def __post_init__(self) -> None:
        """Refuse keys that cannot be meant."""
        if self.reuse_steps < 0:
            raise ValueError(f"reuse_steps: must be at least 0, got {self.reuse_steps}")
        if any(block < 0 for block in self.blocks):
            raise ValueError(f"blocks: must not be negative, got {sorted(self.blocks)}")


@dataclass(frozen=True)
class KeyRule:
    """Upstream's MLP broadcast: a list of key timesteps, each with its own blocks and reach.

    Where two keys reach the same step, a key at the step itself computes, otherwise the first key
    in the list is reused.

    Upstream compares key and timestep for equality. Open-Sora's default keys 676, 788 and 864 occur
    only at one size in bfloat16; elsewhere they silently do nothing. With a `max_distance` above 0
    a key takes effect at the nearest sampled timestep instead.

    Source: VideoSys `core/pab_mgr.py`, MLP part.

    Attributes:
        keys: in the order in which they are searched.
        max_distance: how far, in timesteps, a key may be from the sampled timestep at which it
            takes effect; 0 = upstream's equality.
        usual_distance: what a model recommends with these keys; only with another `max_distance`
            does a rule's identity say how far they reach, so that published settings keep theirs.
    """

    keys: tuple[KeyTime, ...] = ()
    max_distance: int = 0
    usual_distance: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        if self.max_distance < 0:
            raise ValueError(f"max_distance: must be at least 0, got {self.max_distance}")

    def at(self, timesteps: Sequence[int]) -> tuple[KeyTime, ...]:
        """The keys that take effect, moved to the timesteps at which they do, in their order.

        Of two timesteps that are equally near, the noisier one, which is sampled first, counts.
        """
        effective = []
        for key in self.keys:
            nearest = self._nearest(key, timesteps)
            if nearest is not None:
                effective.append(replace(key, timestep=nearest))
        return tuple(effective)

    def unmatched(self, timesteps: Sequence[int]) -> tuple[KeyTime, ...]:
        """The keys that have no effect, since no timestep is near enough."""
        return tuple(key for key in self.keys if self._nearest(key, timesteps) is None)

    def _nearest(self, key: KeyTime, timesteps: Sequence[int]) -> int | None:
        near = [t for t in timesteps if abs(t - key.timestep) <= self.max_distance]
        return min(near, key=lambda t: (abs(t - key.timestep), -t), default=None)


@dataclass(frozen=True)
class Rules:
    """One rule per kind; the MLPs of spatial and temporal blocks can differ."""

    spatial: GapRule = field(default_factory=GapRule)
    temporal: GapRule = field(default_factory=GapRule)
    cross: GapRule = field(default_factory=GapRule)
    mlp_spatial: GapRule | KeyRule = field(default_factory=GapRule)
    mlp_temporal: GapRule | KeyRule = field(default_factory=GapRule)

    def rule_for(self, group: Group) -> GapRule | KeyRule:
        """The rule that decides for the modules of `group`."""
        if group.kind == "mlp":
            return self.mlp_spatial if group.branch == "spatial" else self.mlp_temporal
        by_kind: dict[Kind, GapRule] = {
            "spatial": self.spatial,
            "temporal": self.temporal,
            "cross": self.cross,
        }
        return by_kind[group.kind]

    def reuse_nothing(self) -> bool:
        """Whether every kind is switched off; a gap of 1 is not."""
        rules = (getattr(self, entry.name) for entry in fields(self))
        return not any(r.keys if isinstance(r, KeyRule) else r.skip for r in rules)
