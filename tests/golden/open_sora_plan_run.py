"""Golden sampling of Open-Sora-Plan: our engine around our pipeline and diffusers' PNDM."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import PNDMScheduler
from golden.latte import GROUPS, golden_decisions, rules_from_videosys
from golden.open_sora_plan import Content, Goldens
from golden.open_sora_plan_transformer import (
    FORWARD_TOLERANCE,
    Tensors,
    below,
    load_transformer,
)
from safetensors.torch import load_file

from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.text import mask_features
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel
from pab_bench.verify.base import (
    Check,
    check,
    max_absolute_difference,
    relative_l2,
)

SAMPLING_TOLERANCE = 1e-5
ALPHA_TOLERANCE = 1e-6


def check_sampler(goldens: Goldens, path: Path, content: Content) -> Iterator[Check]:
    """The scheduler alone, text features, and a whole run with all that passes on the way."""
    tensors = load_file(path.with_suffix(".safetensors"))
    yield from _check_scheduler(path.name, content, tensors)
    run = GoldenRun(goldens, path, content, tensors)
    yield check(path.name, "text features of the model", 0.0, run.text_difference)
    baseline = cache(partial(run.sample, Rules()))
    for name, golden in below(tensors, "outputs/").items():
        if name.endswith("_call0"):
            first = partial(_first_call, baseline, name, golden)
            yield check(path.name, name, FORWARD_TOLERANCE, first)
        else:
            series = partial(_series, baseline, name, golden)
            yield check(path.name, name, SAMPLING_TOLERANCE, series, "relative L2")


def check_pab(goldens: Goldens, path: Path, content: Content) -> Iterator[Check]:
    """Every recorded run with broadcast: latents after every call, and every decision."""
    tensors = load_file(path.with_suffix(".safetensors"))
    source = goldens.named("sampler", content["what"])
    run = GoldenRun(
        goldens,
        source,
        goldens.files["sampler"][source],
        load_file(source.with_suffix(".safetensors")),
    )
    other_times = float(list(run.timesteps) != list(content["timesteps"]))
    yield check(path.name, "timesteps", 0.0, partial(float, other_times), "exact")
    for name, case in content["configs"].items():
        rules = rules_from_videosys(case["config"], case.get("spatial_block"))
        variant = cache(partial(run.sample, rules, int(content["steps_modulus"])))
        for kind, golden in below(tensors, f"outputs/{name}/").items():
            series = partial(_series, variant, kind, golden)
            yield check(path.name, f"{name}: {kind}", SAMPLING_TOLERANCE, series, "relative L2")
        wrong = partial(_deviations, variant, case["decisions"])
        yield check(path.name, f"{name}: decisions", 0.0, wrong, "exact")


def _first_call(sample: Callable[[], Sampled], name: str, golden: torch.Tensor) -> float:
    sampled = sample()
    ours = {
        "model_input_call0": sampled.first_input,
        "model_output_call0": sampled.first_output,
    }
    return max_absolute_difference(ours[name], golden)


def _series(sample: Callable[[], Sampled], name: str, golden: torch.Tensor) -> float:
    sampled = sample()
    ours = {
        "guided_eps_per_call": sampled.noise,
        "latents_per_call": sampled.latents,
        "final_latents": sampled.latents[-1:],
    }
    return worst(ours[name], golden)


def _deviations(sample: Callable[[], Sampled], golden: Mapping[str, Mapping[str, str]]) -> float:
    """Decisions that the engine really took against the recorded ones."""
    ledger = sample().broadcast.ledger
    known = [group for group in GROUPS if group.name in golden]
    if len(known) != len(golden):
        raise ValueError(f"expected the kinds {[g.name for g in GROUPS]}, got {sorted(golden)}")
    return float(
        sum(
            int((ledger.decisions(group) != golden_decisions(golden, group)).sum())
            for group in known
        )
    )


def worst(ours: torch.Tensor, golden: torch.Tensor) -> float:
    """The largest relative L2 along the first axis."""
    return max(relative_l2(a, b) for a, b in zip(ours, golden, strict=True))


class RecordingScheduler(PNDMScheduler):  # type: ignore[misc]
    """PNDM that remembers what it was given and what it returned."""

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Begin anew."""
        super().set_timesteps(num_inference_steps, device)
        self.given: list[torch.Tensor] = []
        self.returned: list[torch.Tensor] = []

    def step(
        self, model_output: torch.Tensor, timestep: Any, sample: torch.Tensor, **rest: Any
    ) -> Any:
        """One step."""
        result = super().step(model_output, timestep, sample, **rest)
        self.given.append(model_output)
        self.returned.append(result[0])
        return result


class Sampled:
    """One run: (calls, C, F, H, W) noise and latents, the first call, and the engine."""

    def __init__(
        self,
        scheduler: RecordingScheduler,
        first_input: torch.Tensor,
        first_output: torch.Tensor,
        broadcast: Engine,
    ) -> None:
        self.noise = torch.cat(scheduler.given)
        self.latents = torch.cat(scheduler.returned)
        self.first_input, self.first_output = first_input, first_output
        self.broadcast = broadcast


class GoldenRun:
    """The model, text and noise of a golden sampling file, in the real pipeline."""

    def __init__(self, goldens: Goldens, path: Path, content: Content, tensors: Tensors) -> None:
        source = goldens.named("forward", content["what"])
        self.content, self.tensors = content, tensors
        self.transformer = load_transformer(
            goldens.files["forward"][source], load_file(source.with_suffix(".safetensors"))
        )
        self.scheduler = RecordingScheduler(**content["scheduler_config"])
        self.pipeline = OpenSoraPlanPipeline(
            tokenizer=None,
            text_encoder=None,
            # Latents are given and returned: the autoencoder only says how much smaller they are.
            vae=CausalVAEModel(
                hidden_size=8, hidden_size_mult=[1] * 4, num_res_blocks=1, norm_num_groups=8
            ),
            transformer=self.transformer,
            scheduler=self.scheduler,
        )
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture = OpenSoraPlanArchitecture(self.transformer)

    @property
    def steps(self) -> int:
        """Denoising steps."""
        return int(self.content["num_inference_steps"])

    @property
    def timesteps(self) -> tuple[int, ...]:
        """The timestep of every call."""
        return scheduled(self.scheduler, self.steps)

    @cached_property
    def text(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Features of the prompt and of the negative prompt, as the pipeline masks them."""
        features = mask_features(
            self.tensors["inputs/prompt_embeds"], self.tensors["inputs/prompt_mask"]
        )
        return features, self.tensors["inputs/negative_embeds"][:, : features.shape[1]]

    def text_difference(self) -> float:
        """Largest difference from what upstream gave its model."""
        prompt, negative = self.text
        return max_absolute_difference(
            torch.cat([negative, prompt]), self.tensors["inputs/model_encoder_hidden_states"]
        )

    def sample(self, rules: Rules, period: int | None = None) -> Sampled:
        """Run the pipeline with the engine attached."""
        plan = make_plan(
            rules,
            self.timesteps,
            self.architecture.depth,
            GROUPS,
            counter_period=period or self.steps,
        )
        noise, (prompt, negative) = self.tensors["inputs/init_noise"], self.text
        first: list[torch.Tensor] = []

        def remember(module: Any, args: Any, kwargs: Mapping[str, Any], output: Any) -> None:
            if not first:
                first.extend([kwargs["hidden_states"].clone(), output[0].clone()])

        hook = self.transformer.register_forward_hook(remember, with_kwargs=True)
        vae = self.pipeline.vae
        try:
            with Engine(self.architecture, plan) as broadcast:
                self.pipeline(
                    prompt_embeds=prompt,
                    negative_prompt_embeds=negative,
                    num_inference_steps=self.steps,
                    guidance_scale=float(self.content["guidance_scale"]),
                    num_frames=(noise.shape[2] - 1) * vae.temporal_compression_ratio + 1,
                    height=noise.shape[3] * vae.spatial_compression_ratio,
                    width=noise.shape[4] * vae.spatial_compression_ratio,
                    latents=noise,
                    output_type="latent",
                )
        finally:
            hook.remove()
        broadcast.ledger.check(plan)
        return Sampled(self.scheduler, first[0], first[1], broadcast)


def scheduled(scheduler: PNDMScheduler, steps: int) -> tuple[int, ...]:
    """The timestep at every call of the transformer."""
    scheduler.set_timesteps(steps)
    return tuple(int(t) for t in scheduler.timesteps)


def _check_scheduler(file: str, content: Content, tensors: Tensors) -> Iterator[Check]:
    scheduler = PNDMScheduler(**content["scheduler_config"])
    for key, golden in content.items():
        found = re.fullmatch(r"(prk_|plms_|)timesteps_(\d+)", key)
        if found is None:
            continue

        def deviating(
            part: str = found.group(1), steps: int = int(found.group(2)), golden: Any = golden
        ) -> float:
            times = scheduled(scheduler, steps)
            first = len(scheduler.prk_timesteps)
            ours = {"": times, "prk_": times[:first], "plms_": times[first:]}[part]
            return float(list(ours) != list(golden))

        yield check(file, key, 0.0, deviating, "exact")
    for steps, calls in content["model_calls"].items():
        wrong = partial(float, abs(len(scheduled(scheduler, int(steps))) - calls))
        yield check(file, f"calls of {steps} steps", 0.0, wrong, "exact")
    for name, golden in below(tensors, "scheduler/").items():

        def stored(name: str = name, golden: torch.Tensor = golden) -> float:
            if name == "alphas_cumprod":
                return max_absolute_difference(scheduler.alphas_cumprod, golden)
            times = scheduled(scheduler, int(name.removeprefix("timesteps_")))
            return max_absolute_difference(times, golden)

        tolerance = ALPHA_TOLERANCE if name == "alphas_cumprod" else 0.0
        yield check(file, f"scheduler/{name}", tolerance, stored)
    for name, golden in below(tensors, "scheduler_only/timesteps_").items():
        yield check(
            file,
            f"scheduler alone, {name} steps",
            SAMPLING_TOLERANCE,
            partial(_scheduler_alone, scheduler, int(name), golden, tensors),
            "relative L2",
        )


def _scheduler_alone(
    scheduler: PNDMScheduler, steps: int, timesteps: torch.Tensor, tensors: Tensors
) -> float:
    """Latents of every call for given noise predictions."""
    if scheduled(scheduler, steps) != tuple(timesteps.tolist()):
        raise ValueError(f"other timesteps of {steps} steps: {scheduler.timesteps.tolist()}")
    latents = tensors["scheduler_only/init"]
    series = []
    predictions = tensors["scheduler_only/eps_per_call"]
    for timestep, noise in zip(scheduler.timesteps, predictions, strict=True):
        noise = noise.reshape(latents.shape)
        latents = scheduler.step(noise, timestep, latents, return_dict=False)[0]
        series.append(latents)
    return worst(torch.cat(series), tensors["scheduler_only/latents_per_call"])
