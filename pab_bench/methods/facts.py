"""What a method can know of a sampling before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pab_bench.engine.kinds import Group

Need = Literal["sites", "stack", "call", "rows", "modulation", "sigmas"]
"""What a method acts on: sites; the blocks in order; whole calls of the transformer; halves of the
guidance batch, which a call must have both of. Or what it looks at: the modulated input of the
first self-attention; the part of noise in the latents at every call."""


@dataclass(frozen=True)
class About:
    """What a configuration says of the sampling that a method is to speed up.

    Attributes:
        system: name of the system.
        steps: denoising steps of the baseline.
        calls: of the transformer; None where the schedule is not known before the model is loaded.
        depth: number of transformer block pairs.
        schedule: formula of the timesteps, as in `model.schedule`.
        guided: whether there is classifier-free guidance.
        model: name of the model, as `calibration_file.model_label` has it; None where it is not
            told.
        guidance: scale of classifier-free guidance; None where it is not told.
        prompts: that are to be sampled.
        timesteps: the scheduler's value at every call; empty where that is not known before the
            model is loaded.
        size: frames, height and width of a video; None where they are not told.
        calibrating: whether constants of the method are to be measured, so that it needs none.
        blocks: in their order, or pairs of them where two kinds take turns; None where that is not
            known before the model is loaded.
    """

    system: str
    steps: int
    calls: int | None
    depth: int
    schedule: str | None
    guided: bool
    model: str | None = None
    guidance: float | None = None
    prompts: tuple[str, ...] = ()
    timesteps: tuple[float, ...] = ()
    size: tuple[int, int, int] | None = None
    calibrating: bool = False
    blocks: int | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of a sampling before it begins.

    Attributes:
        timesteps: the scheduler's value at every call of the transformer, in order; several calls
            may have the same.
        steps: denoising steps, which may be fewer than calls.
        depth: number of transformer block pairs.
        groups: the groups of sites that the model has.
        depths: number of blocks of groups that have fewer than `depth`.
        stack: per index of the stack the sites (group, block) that are within it; empty where the
            architecture does not tell its blocks in order.
        lanes: calls of the transformer in a denoising step.
        transformers: at every call the index of the one that is called; empty = always the first.
        sigmas: at every call the part of noise in the latents of flow matching, 0 to 1; empty where
            no method asked, or the model has no such latents.
    """

    timesteps: tuple[float, ...]
    steps: int
    depth: int
    groups: tuple[Group, ...]
    depths: Mapping[Group, int] = field(default_factory=dict)
    stack: tuple[tuple[tuple[Group, int], ...], ...] = ()
    lanes: int = 1
    transformers: tuple[int, ...] = ()
    sigmas: tuple[float, ...] = ()

    @property
    def calls(self) -> int:
        """Calls of the transformer in a video, of each lane."""
        return len(self.timesteps)

    def blocks(self, group: Group) -> int:
        """Number of blocks of a group."""
        return self.depths.get(group, self.depth)
