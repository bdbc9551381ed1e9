"""Scenes of Open-Sora by rectified flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from golden.open_sora_run import small_model
from golden.scenes import Used

from pab_bench.systems.open_sora.architecture import STDiT3Architecture
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler

SIZES = ("num_frames", "height", "width")


class OpenSoraScene:
    """A small STDiT3; the second half of the batch has the model's own null text.

    Args:
        used: what it is made of.
        overrides: sizes that are told to the pipeline in place of the recorded ones.
        dtype: of model, noise and text.
    """

    lanes = 1

    def __init__(
        self,
        used: Used,
        overrides: Mapping[str, int] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        (content, weights), (_, self._inputs) = used.contents()
        model = small_model(content, weights).to(dtype)
        self.pipeline = OpenSoraPipeline(None, None, None, model, RectifiedFlowScheduler())
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture = STDiT3Architecture(model)
        told = {**{key: int(self._inputs[key][0]) for key in SIZES}, **(overrides or {})}
        self._sizes = [told[key] for key in SIZES]
        self._dtype = dtype

    def timesteps(self, steps: int) -> tuple[float, ...]:
        self.pipeline.set_timesteps(steps, *self._sizes)
        return tuple(self.pipeline.scheduler.timesteps.tolist())

    def planned_timesteps(self, steps: int) -> tuple[int, ...]:
        """As the transformer sees them, in its dtype."""
        return tuple(int(torch.tensor(t).to(self._dtype)) for t in self.timesteps(steps))

    def denoise(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        inputs = self._inputs
        frames, height, width = self._sizes

        def ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            del pipeline, step, timestep
            keep(values["latents"])
            return {}

        self.pipeline(
            prompt_embeds=inputs["y"][:, 0].to(self._dtype),
            prompt_attention_mask=inputs["mask"],
            num_frames=frames,
            height=height,
            width=width,
            fps=float(inputs["fps"][0]),
            num_inference_steps=steps,
            guidance_scale=guidance,
            latents=inputs["init_noise"].to(self._dtype, copy=True),
            output_type="latent",
            callback_on_step_end=ended,
        )
