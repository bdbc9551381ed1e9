"""Scenes of Latte and Open-Sora-Plan, whose text is given to the model as it was recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    LattePipeline,
    LatteTransformer3DModel,
    PNDMScheduler,
)
from golden.open_sora_plan_transformer import load_transformer
from golden.scenes import Tensors, Used, below

from pab_bench.systems.latte.architecture import LatteArchitecture
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel


class LatteScene:
    """A small Latte by DDIM."""

    lanes = 1

    def __init__(self, used: Used) -> None:
        ((content, self._tensors),) = used.contents()
        self.steps, self.guidance = len(content["timesteps"]), float(content["guidance_scale"])
        transformer = LatteTransformer3DModel(**content["constructor_kwargs"]).eval()
        transformer.load_state_dict(below(self._tensors, "weights"), strict=True)
        # Latents are given and returned, so the autoencoder only lends its scale factor, 8.
        vae = AutoencoderKL(block_out_channels=(8, 8, 8, 8), norm_num_groups=4)
        scheduler = DDIMScheduler(**content["scheduler_config"])
        self.pipeline = LattePipeline(None, None, vae, transformer, scheduler)
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture = LatteArchitecture(transformer)

    def timesteps(self, steps: int) -> tuple[float, ...]:
        self.pipeline.scheduler.set_timesteps(steps)
        return tuple(self.pipeline.scheduler.timesteps.tolist())

    def denoise(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        noise = self._tensors["inputs/init_noise"]
        negative, prompt = _text(self._tensors)
        self.pipeline(
            prompt_embeds=prompt,
            negative_prompt_embeds=negative,
            negative_prompt=None,
            num_inference_steps=steps,
            guidance_scale=guidance,
            video_length=noise.shape[2],
            height=noise.shape[3] * 8,
            width=noise.shape[4] * 8,
            latents=noise.clone(),
            output_type="latent",
            callback_on_step_end=_giving(keep),
        )


class OpenSoraPlanScene:
    """A small Open-Sora-Plan by PNDM."""

    lanes = 1

    def __init__(self, used: Used) -> None:
        (forward, weights), (content, self._tensors) = used.contents()
        transformer = load_transformer(forward, weights)
        # Latents are given and returned: the autoencoder only says how much smaller they are.
        vae = CausalVAEModel(
            hidden_size=8, hidden_size_mult=[1] * 4, num_res_blocks=1, norm_num_groups=8
        )
        scheduler = PNDMScheduler(**content["scheduler_config"])
        self.pipeline = OpenSoraPlanPipeline(None, None, vae, transformer, scheduler)
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture = OpenSoraPlanArchitecture(transformer)

    def timesteps(self, steps: int) -> tuple[float, ...]:
        self.pipeline.scheduler.set_timesteps(steps)
        return tuple(self.pipeline.scheduler.timesteps.tolist())

    def denoise(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        noise, vae = self._tensors["inputs/init_noise"], self.pipeline.vae
        negative, prompt = _text(self._tensors)
        scheduler = self.pipeline.scheduler
        step = scheduler.step

        def told(*args: Any, **kwargs: Any) -> Any:
            result = step(*args, **kwargs)
            keep(result[0])
            return result

        scheduler.step = told
        try:
            self.pipeline(
                prompt_embeds=prompt,
                negative_prompt_embeds=negative,
                num_inference_steps=steps,
                guidance_scale=guidance,
                num_frames=(noise.shape[2] - 1) * vae.temporal_compression_ratio + 1,
                height=noise.shape[3] * vae.spatial_compression_ratio,
                width=noise.shape[4] * vae.spatial_compression_ratio,
                latents=noise,
                output_type="latent",
            )
        finally:
            del scheduler.step


def _text(tensors: Tensors) -> tuple[torch.Tensor, ...]:
    """What the model is given, negative prompts first."""
    return tensors["inputs/model_encoder_hidden_states"].chunk(2)


def _giving(keep: Callable[[torch.Tensor], None]) -> Callable[..., dict[str, Any]]:
    def ended(
        pipeline: Any, step: int, timestep: Any, values: dict[str, torch.Tensor]
    ) -> dict[str, Any]:
        del pipeline, step, timestep
        keep(values["latents"])
        return {}

    return ended
