"""A pipeline of every system, as a user has it, small enough to sample from in a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import LattePipeline
from systems.open_sora_plan.small import small_pipeline
from systems.tiny_pipelines import WORDS, tiny_cogvideox, tiny_open_sora

import pab_bench

PROMPT = "a large red circle moves right slowly over a black background"
OTHER_PROMPT = "a small blue square moves left quickly over a white background"


@dataclass(frozen=True)
class AtHand:
    """A pipeline, and how it is called.

    Attributes:
        pipe: the pipeline.
        call: its call, with everything but prompt, steps, seed and kind of output.
        steps: denoising steps that leave room for reuse.
    """

    pipe: Any
    call: Callable[..., Any]
    steps: int

    def make(
        self, prompt: str = PROMPT, seed: int = 0, steps: int | None = None, output: str = "latent"
    ) -> Any:
        """Sample a video."""
        return self.call(
            prompt=prompt,
            num_inference_steps=steps or self.steps,
            guidance_scale=4.0,
            generator=torch.Generator().manual_seed(seed),
            output_type=output,
        ).frames


def at_hand(pipe: Any, steps: int, **arguments: Any) -> AtHand:
    pipe.set_progress_bar_config(disable=True)
    return AtHand(pipe, partial(pipe, **arguments), steps)


def latte() -> AtHand:
    folder = Path(pab_bench.__file__).parent / "minis" / "latte"
    pipe = LattePipeline.from_pretrained(folder, dtype=torch.float32)
    return at_hand(pipe, 4, height=32, width=32, video_length=16, clean_caption=False)


def open_sora() -> AtHand:
    size = {"height": 32, "width": 32, "num_frames": 17}
    return at_hand(tiny_open_sora(), 5, **size, clean_caption=False)


def open_sora_plan() -> AtHand:
    return at_hand(small_pipeline(), 5, height=64, width=64, num_frames=9)


def cogvideox() -> AtHand:
    size = {"height": 32, "width": 32, "num_frames": 9}
    return at_hand(tiny_cogvideox(), 4, **size, max_sequence_length=WORDS)


SYSTEMS = {builder.__name__: builder for builder in (latte, open_sora, open_sora_plan, cogvideox)}
