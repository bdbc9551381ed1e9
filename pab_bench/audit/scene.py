"""A model with an acceleration, and how its videos are sampled and watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from pab_bench.audit.diffusers_caches import config_of, told_timestep
from pab_bench.audit.enabling import Enabled
from pab_bench.audit.sites import WatchedSite, watched_sites
from pab_bench.audit.witness import Seen, Witness
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import transformers_of
from pab_bench.methods.external import External
from pab_bench.systems.base import OnStep, Sampler, TextEmbeddings, lanes_of

_SITES: dict[int, tuple[Sampler, float, list[WatchedSite]]] = {}
"""Of the sampler that was looked at last."""


@dataclass(frozen=True)
class Input:
    """What a video is made of.

    Attributes:
        text: of the prompt.
        noise: of the seed.
        name: for messages.
    """

    text: TextEmbeddings
    noise: torch.Tensor
    name: str


@dataclass(frozen=True)
class Watched:
    """A video that was sampled to its latents.

    Attributes:
        latents: as the sampler gives them.
        seen: what the modules did.
    """

    latents: torch.Tensor
    seen: Seen


@dataclass
class AuditScene:
    """Whatever is audited, on a loaded model.

    Args:
        sampler: the bare model.
        method: the acceleration.
        plan: an open one of all steps.
        steps: denoising steps.
        guidance: scale of classifier-free guidance.
        sites: of the bare model.
    """

    sampler: Sampler
    method: External
    plan: Plan
    steps: int
    guidance: float
    sites: list[WatchedSite]
    lanes: int = field(init=False)

    def __post_init__(self) -> None:
        """Ask once how many calls a step takes."""
        self.lanes = lanes_of(self.sampler, self.guidance)

    def enabled(self) -> Enabled:
        """A context in which the acceleration is on, as if for the first time."""
        return Enabled(self.sampler, self.method)

    def witness(self) -> Witness:
        """What watches one video."""
        architecture = self.sampler.architecture
        return Witness(architecture, self.sites, self.plan, self.lanes, told_timestep)

    def config(self) -> object:
        """The configuration of diffusers that is enabled now; None if there is none."""
        return config_of(transformers_of(self.sampler.architecture)[0])

    def sample(self, given: Input, on_step: OnStep = lambda step: None) -> Watched:
        """Sample a video under a witness, with whatever is enabled."""
        with self.witness() as witness:
            latents = self.sampler.denoise(
                given.text, given.noise, self.steps, self.guidance, on_step
            )
            return Watched(latents.detach().clone(), witness.seen)


def scene_of(
    sampler: Sampler,
    method: External,
    plan: Plan,
    steps: tuple[int, int],
    guidance: float,
    example: Callable[[], Input],
) -> AuditScene:
    """Make the scene of an acceleration; nothing may be enabled yet.

    Args:
        sampler: the bare model.
        method: the acceleration.
        plan: an open one of all steps.
        steps: denoising steps of a video, and those that finding the sites may take.
        guidance: scale of classifier-free guidance.
        example: gives a video, of which some steps are sampled to find the sites.
    """
    known = _SITES.get(id(sampler))
    if known is None or known[0] is not sampler or known[1] != guidance:
        given = example()
        sites = watched_sites(sampler, given.text, given.noise, steps[1], guidance)
        _SITES.clear()
        _SITES[id(sampler)] = known = sampler, guidance, sites
    return AuditScene(sampler, method, plan, steps[0], guidance, known[2])
