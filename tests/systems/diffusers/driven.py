"""Tiny pipelines, saved and loaded by path, beside bare ones that are called as they are."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from systems.diffusers import tiny, tiny_cosmos

from pab_bench.engine.engine import Engine
from pab_bench.engine.sites import transformers_of
from pab_bench.methods.base import plan_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.base import lanes_of
from pab_bench.systems.diffusers.sampler import DiffusersSampler
from pab_bench.systems.model import ModelSettings

PROMPT = "a large red circle moves right"
GUIDANCE, SEED, STEPS = 5.0, 3, 4
WINDOW = (-1, 1001)


@dataclass(frozen=True)
class Known:
    """What is known of a tiny pipeline.

    Attributes:
        size: frames, height and width.
        groups: by name the number of sites.
        lanes: calls of the transformer in a step.
        transformers: how many there are; the second is called from step 1 on.
        depth: blocks of the longest list.
        frames: what its call calls their number.
        slow: whether it takes seconds, or another one is tried always that has all it has.
        system: of the models of a name of their own that it is one of.
        left_out: modules that are no sites.
    """

    size: tuple[int, int, int]
    groups: dict[str, int]
    lanes: int = 1
    transformers: int = 1
    depth: int = 2
    frames: str = "num_frames"
    slow: bool = False
    left_out: tuple[str, ...] = ()
    system: str = ""


REFINER = "context_embedder.token_refiner.refiner_blocks.0"
REFINED = (f"{REFINER}.attn", f"{REFINER}.ff")
FULL = {"spatial": 2, "cross": 2, "mlp_spatial": 2}
JOINT = {"spatial": 2, "mlp_spatial": 2}
KNOWN = {
    "wan": Known((5, 32, 32), FULL, lanes=2, slow=True, system="wan"),
    "wan_2_2": Known((5, 32, 32), FULL, lanes=2, transformers=2, system="wan"),
    "skyreels": Known((5, 32, 32), FULL, lanes=2, slow=True, system="wan"),
    "ltx": Known((9, 32, 32), FULL, system="ltx_video"),
    "cogvideox": Known((9, 32, 32), JOINT, slow=True),
    "mochi": Known((7, 16, 16), JOINT | {"mlp_text": 1}, slow=True, system="mochi"),
    "hunyuan": Known(
        (5, 32, 32),
        JOINT | {"mlp_text": 2, "spatial_single": 3},
        depth=3,
        left_out=REFINED,
        system="hunyuan_video",
    ),
    "hunyuan15": Known(
        (5, 32, 32),
        JOINT | {"mlp_text": 2},
        lanes=2,
        slow=True,
        left_out=REFINED,
        system="hunyuan_video",
    ),
    "cosmos": Known((9, 32, 32), FULL, lanes=2, slow=True, system="cosmos"),
    "cosmos25": Known((5, 32, 32), FULL, lanes=2, slow=True, system="cosmos"),
    "latte": Known((3, 32, 32), FULL | {"temporal": 2, "mlp_temporal": 2}, frames="video_length"),
    "sana": Known((5, 18, 31), FULL, frames="frames", slow=True),
}
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if known.slow else name
    for name, known in KNOWN.items()
]


@dataclass
class Driven:
    """A sampler, and the same pipeline loaded apart from it."""

    name: str
    folder: Path
    sampler: DiffusersSampler
    known: Known
    _bare: list = field(default_factory=list)

    def call(self, output_type="np", **more):
        """The bare pipeline's own call: its frames and what it decodes."""
        pipeline = DiffusionPipeline.from_pretrained(self.folder, local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        return whole(pipeline, self.known, **more)

    def bare(self):
        if not self._bare:
            self._bare.append(self.call())
        return self._bare[0]

    @property
    def transformers(self):
        return transformers_of(self.sampler.architecture)

    def denoise(self, prompt=PROMPT, seed=SEED, guidance=GUIDANCE, on_step=lambda step: None):
        sampler = self.sampler
        return sampler.denoise(
            sampler.encode(prompt), sampler.noise(seed), STEPS, guidance, on_step
        )

    def plan(self, rules, kept="ungated"):
        return plan_of(PyramidAttentionBroadcast(rules, kept), self.sampler, STEPS)

    def engine(self, rules, kept="ungated", **options):
        lanes = lanes_of(self.sampler, GUIDANCE)
        return Engine(
            self.sampler.architecture, self.plan(rules, kept), kept, lanes=lanes, **options
        )

    def follow(self, rules, kept="ungated", **options):
        with self.engine(rules, kept, **options) as engine:
            latents = self.denoise()
        engine.ledger.check(engine.plan)
        return latents


def model_of(name, folder):
    known = KNOWN[name]
    return ModelSettings("tiny", "diffusers", str(folder), None, None, known.depth, *known.size)


def drive(name, folder, dtype="float32", **changes):
    model = replace(model_of(name, folder), **changes)
    return Driven(name, folder, DiffusersSampler(model, "cpu", dtype), KNOWN[name])


def whole(pipeline, known, prompt=PROMPT, seed=SEED, guidance=GUIDANCE):
    """Frames as uint8, and the first thing that is decoded, of a pipeline's own call."""
    decoded = []
    by_pipeline = hasattr(type(pipeline), "decode_latents")
    owner, name = (pipeline, "decode_latents") if by_pipeline else (pipeline.vae, "decode")
    own = getattr(owner, name)

    def decode(latents, *args, **kwargs):
        decoded.append(latents)
        return own(latents, *args, **kwargs)

    setattr(owner, name, decode)
    frames, height, width = known.size
    own_arguments = inspect.signature(type(pipeline).__call__).parameters
    more = {}
    if "guidance_scale" in own_arguments:
        more["guidance_scale"] = guidance
    else:
        pipeline.guider = pipeline.guider.new(guidance_scale=guidance)
    if "clean_caption" in own_arguments:
        more["clean_caption"] = False
    video = pipeline(
        prompt=prompt,
        generator=torch.Generator().manual_seed(seed),
        num_inference_steps=STEPS,
        height=height,
        width=width,
        output_type="np",
        **{known.frames: frames},
        **more,
    ).frames[0]
    return (video * 255).round().astype(np.uint8), decoded[0]


def every(gap):
    return Rules(*(GapRule(True, WINDOW, gap) for _ in range(5)))


def only(kind, gap=2):
    rule = GapRule(True, WINDOW, gap)
    names = ("mlp_spatial", "mlp_temporal") if kind == "mlp" else (kind,)
    return replace(Rules(), **dict.fromkeys(names, rule))


def save(name, folder):
    make = getattr(tiny_cosmos if name.startswith("cosmos") else tiny, name)
    make().save_pretrained(folder)
    return folder
