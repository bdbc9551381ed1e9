"""Tiny models of the real classes, by their own pipelines, as samplers that can be audited."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.scenes_two_lanes import PipelineScene

from pab_bench.audit.audit import audit
from pab_bench.audit.lanes import mixed_lanes
from pab_bench.audit.scene import AuditScene, Input, scene_of
from pab_bench.audit.trials import broken_off
from pab_bench.methods.base import plan_of
from pab_bench.methods.external import External
from pab_bench.systems.base import TextEmbeddings
from pab_bench.systems.call_arguments import CallArguments

MODELS = Path(__file__).parents[1] / "fixtures" / "methods_b" / "models"
STEPS = 16
"""Timesteps of the recorded runs, so that windows mean what they mean there."""


class TinySampler:
    """Drives one of the pipelines of `methods_b`, which has no text encoder and no autoencoder."""

    def __init__(self, name: str) -> None:
        self.scene = PipelineScene(MODELS / f"{name}.json")
        self.pipeline, self.architecture = self.scene.pipeline, self.scene.architecture

    def lanes(self, guidance: float) -> int:
        return self.scene.lanes if guidance > 1 else 1

    def timesteps(self, steps: int) -> tuple[int, ...]:
        return tuple(int(t) for t in self.scene.timesteps(steps))

    def encode(self, prompt: str) -> TextEmbeddings:
        own = self.scene._tensors["inputs/prompt_embeds"]
        return TextEmbeddings(own, self.scene._tensors["inputs/negative_prompt_embeds"])

    def noise(self, seed: int) -> torch.Tensor:
        own = self.scene._tensors["inputs/latents"]
        return torch.randn(own.shape, generator=torch.Generator().manual_seed(seed))

    def denoise(
        self, text: Any, noise: torch.Tensor, steps: int, guidance: float, on_step: Any
    ) -> torch.Tensor:
        def ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            on_step(step)
            return {}

        given = self.scene._call | {"num_inference_steps": steps, "guidance_scale": guidance}
        return self.pipeline(
            **given,
            prompt_embeds=text.conditional,
            negative_prompt_embeds=text.unconditional,
            latents=noise.clone(),
            callback_on_step_end=ended,
        ).frames


@cache
def sampler_of(name: str) -> TinySampler:
    return TinySampler(name)


class Audited:
    """What an audit has found on a tiny model."""

    def __init__(self, name: str, enable: str, arguments: dict[str, Any], **more: Any) -> None:
        sampler, method = sampler_of(name), External(enable, CallArguments.of(arguments), **more)
        guidance = sampler.scene.guidance
        plan = plan_of(method, sampler, STEPS, guidance)
        inputs = [Input(sampler.encode(""), sampler.noise(seed), f"seed {seed}") for seed in (0, 1)]
        self.scene: AuditScene = scene_of(
            sampler, method, plan, (STEPS, 2), guidance, lambda: inputs[0]
        )
        with self.scene.enabled() as enabled:
            config = self.scene.config()
            first = self.scene.sample(inputs[0])
        self.inputs, self.fresh = inputs, first
        self.content = audit(self.scene, enabled, config, first.seen, *inputs)
        self.evidence = {own["name"]: own["evidence"] for own in self.content["findings"]}

    def mixed(self) -> dict[str, str]:
        """The trial of the lanes alone."""
        return {own.name: own.evidence for own in mixed_lanes(self.scene, self.inputs[0])}

    def broken_off(self) -> dict[str, str]:
        """The trial of videos that are broken off, alone."""
        found = broken_off(self.scene, *self.inputs, self.fresh)
        return {own.name: own.evidence for own in found}


@pytest.fixture(scope="session")
def audited() -> Any:
    """Audits once whatever several tests look at."""
    known: dict[str, Audited] = {}

    def of(name: str, enable: str, arguments: dict[str, Any] | None = None, **more: Any) -> Audited:
        key = f"{name} {enable} {arguments} {more}"
        if key not in known:
            known[key] = Audited(name, enable, arguments or {}, **more)
        return known[key]

    return of
