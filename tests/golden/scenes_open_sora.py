"""Scenes of Open-Sora by rectified flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from golden.open_sora_run import small_model
from golden.scenes import Used

from pab_bench.systems.open_sora.architecture import STDiT3Architecture
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler


class OpenSoraScene:
    """A small STDiT3; the second half of the batch has the model's own null text."""

    lanes = 1

    def __init__(self, used: Used) -> None:
        (content, weights), (_, self._inputs) = used.contents()
        model = small_model(content, weights)
        self.pipeline = OpenSoraPipeline(None, None, None, model, RectifiedFlowScheduler())
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture = STDiT3Architecture(model)
        self._sizes = [int(self._inputs[key][0]) for key in ("num_frames", "height", "width")]

    def timesteps(self, steps: int) -> tuple[float, ...]:
        self.pipeline.set_timesteps(steps, *self._sizes)
        return tuple(self.pipeline.scheduler.timesteps.tolist())

    def denoise(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        inputs = self._inputs
        frames, height, width = self._sizes

        def ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            del pipeline, step, timestep
            keep(values["latents"])
            return {}

        self.pipeline(
            prompt_embeds=inputs["y"][:, 0],
            prompt_attention_mask=inputs["mask"],
            num_frames=frames,
            height=height,
            width=width,
            fps=float(inputs["fps"][0]),
            num_inference_steps=steps,
            guidance_scale=guidance,
            latents=inputs["init_noise"].clone(),
            output_type="latent",
            callback_on_step_end=ended,
        )
