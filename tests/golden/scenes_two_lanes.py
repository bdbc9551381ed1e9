"""Scenes of Wan, with two calls a step, and of CogVideoX, from the models of `methods_b`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import diffusers
import torch
from golden.scenes import Tensors, below
from safetensors.torch import load_file

from pab_bench.engine.sites import Architecture
from pab_bench.systems.cogvideox.architecture import CogVideoXArchitecture
from pab_bench.systems.diffusers.architecture import DiscoveredArchitecture
from pab_bench.systems.diffusers.block_order import BlockOrder
from pab_bench.systems.diffusers.discovery import discover
from pab_bench.systems.diffusers.modules import candidates
from pab_bench.systems.diffusers.noise_levels import flow_sigmas
from pab_bench.systems.diffusers.watching import Watch

LANES = {"WanPipeline": 2, "CogVideoXPipeline": 1}


class PipelineScene:
    """A small model by its own pipeline, without text encoder and autoencoder.

    Args:
        path: of the JSON that describes it.
    """

    def __init__(self, path: Path) -> None:
        content = json.loads(path.read_text())
        self._tensors: Tensors = load_file(path.with_suffix(".safetensors"))
        self._call: dict[str, Any] = content["call"]
        self.lanes = LANES[content["pipeline"]]
        kind = getattr(diffusers, content["class"])
        transformer = kind(**_tuples(content["constructor_kwargs"])).eval()
        transformer.load_state_dict(below(self._tensors, "weights"), strict=True)
        scheduler = getattr(diffusers, content["scheduler"])(**content["scheduler_kwargs"])
        self.pipeline = getattr(diffusers, content["pipeline"])(
            tokenizer=None,
            text_encoder=None,
            vae=None,
            transformer=transformer,
            scheduler=scheduler,
        )
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture: Architecture = (
            CogVideoXArchitecture(transformer)
            if "CogVideoX" in content["class"]
            else self._discovered(transformer)
        )

    def _discovered(self, transformer: torch.nn.Module) -> DiscoveredArchitecture:
        own = list(candidates(transformer))
        with BlockOrder([transformer]) as order, Watch([transformer], own) as watch:
            self._run(1, 5.0, lambda latents: None)
        found = discover(own, watch.visits, watch.lanes)
        return DiscoveredArchitecture(transformer, found, order)

    @property
    def guidance(self) -> float:
        """Of the recorded runs."""
        return float(self._call["guidance_scale"])

    @property
    def steps(self) -> int:
        """Of the recorded runs."""
        return int(self._call["num_inference_steps"])

    def timesteps(self, steps: int) -> tuple[float, ...]:
        self.pipeline.scheduler.set_timesteps(steps)
        return tuple(self.pipeline.scheduler.timesteps.tolist())

    def sigmas(self, steps: int) -> tuple[float, ...]:
        """The part of noise in the latents; none without flow matching."""
        self.pipeline.scheduler.set_timesteps(steps)
        return flow_sigmas(self.pipeline.scheduler)

    def denoise(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        self._run(steps, guidance, keep)

    def _run(self, steps: int, guidance: float, keep: Callable[[torch.Tensor], None]) -> None:
        def ended(pipeline: Any, step: int, timestep: Any, values: Any) -> dict[str, Any]:
            del pipeline, step, timestep
            keep(values["latents"])
            return {}

        inputs = below(self._tensors, "inputs")
        given = {**self._call, "num_inference_steps": steps, "guidance_scale": guidance}
        latents = inputs.pop("latents").clone()
        self.pipeline(**given, **inputs, latents=latents, callback_on_step_end=ended)


def _tuples(arguments: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
