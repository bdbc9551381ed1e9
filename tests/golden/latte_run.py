"""Golden Latte runs: our engine around the unmodified diffusers `LattePipeline`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers import AutoencoderKL, DDIMScheduler, LattePipeline, LatteTransformer3DModel
from golden.latte import GROUPS, golden_decisions, rules_from_videosys
from safetensors.torch import load_file

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import BroadcastObject
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.systems.latte.architecture import LatteArchitecture
from pab_bench.verify.base import Check, check, max_absolute_difference, relative_l2

FORWARD_TOLERANCE = 1e-5
SAMPLING_TOLERANCE = 1e-5

Tensors = Mapping[str, torch.Tensor]


def check_run(path: Path, content: dict[str, Any]) -> Iterator[Check]:
    """Forward calls, the baseline, and every PAB run of one golden file."""
    tensors = load_file(path.with_suffix(".safetensors"))
    run = GoldenRun(content, tensors)
    for name in content["forward_calls"]:
        yield check(path.name, f"forward {name}", FORWARD_TOLERANCE, partial(run.forward, name))
    yield check(
        path.name, "baseline: final latents", SAMPLING_TOLERANCE, run.baseline, "relative L2"
    )
    for name, case in content["pab"].items():
        rules = rules_from_videosys(case["videosys_config"], case.get("spatial_block"))
        yield from run.check_pab(path.name, name, "videosys", rules, "output")
        if "diffusers_anchored_identifiers" in case:
            yield from run.check_pab(
                path.name, name, "diffusers_anchored_identifiers", rules, "ungated"
            )
        if "diffusers_default_identifiers" in case:
            # diffusers' default patterns match temporal blocks with the spatial settings.
            followed = Rules(rules.spatial, rules.spatial, rules.cross)
            yield from run.check_pab(
                path.name, name, "diffusers_default_identifiers", followed, "ungated"
            )


class GoldenRun:
    """The small model of one golden file, in the real pipeline."""

    def __init__(self, content: dict[str, Any], tensors: Tensors) -> None:
        self.content, self.tensors = content, tensors
        self.transformer = LatteTransformer3DModel(**content["constructor_kwargs"]).eval()
        weights = {
            k.removeprefix("weights/"): v for k, v in tensors.items() if k.startswith("weights/")
        }
        self.transformer.load_state_dict(weights, strict=True)
        # Latents are given and returned, so the autoencoder only lends its scale factor, 8.
        vae = AutoencoderKL(block_out_channels=(8, 8, 8, 8), norm_num_groups=4)
        self.pipeline = LattePipeline(
            tokenizer=None,
            text_encoder=None,
            vae=vae,
            transformer=self.transformer,
            scheduler=DDIMScheduler(**content["scheduler_config"]),
        )
        self.pipeline.set_progress_bar_config(disable=True)
        self.architecture = LatteArchitecture(self.transformer)

    @torch.no_grad()
    def forward(self, name: str) -> float:
        """Largest difference of one recorded call of the transformer."""
        prefix = f"inputs/forward_{name}/"
        inputs = {
            k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)
        }
        ours = self.transformer(**inputs, return_dict=False)[0]
        return max_absolute_difference(ours, self.tensors[f"outputs/forward_{name}"])

    def baseline(self) -> float:
        """Relative L2 of the baseline's final latents."""
        latents, _ = self.latents(Rules(), "output")
        return relative_l2(latents[-1:], self.tensors["outputs/baseline/final_latents"])

    def latents(
        self, rules: Rules, broadcast_object: BroadcastObject
    ) -> tuple[torch.Tensor, Engine]:
        """(steps, ...) latents after every step, and the engine that was attached."""
        content, tensors = self.content, self.tensors
        plan = make_plan(rules, content["timesteps"], self.architecture.depth, GROUPS)
        keep = int(content["embeds"]["keep"])
        noise = tensors["inputs/init_noise"]
        history: list[torch.Tensor] = []

        def remember(pipeline: Any, step: int, timestep: Any, values: dict[str, Any]) -> Any:
            del pipeline, step, timestep
            history.append(values["latents"].clone())
            return {}

        with Engine(self.architecture, plan, broadcast_object) as broadcast:
            self.pipeline(
                prompt_embeds=tensors["inputs/prompt_embeds"][:, :keep],
                negative_prompt_embeds=tensors["inputs/negative_embeds"][:, :keep],
                negative_prompt=None,
                num_inference_steps=len(content["timesteps"]),
                guidance_scale=content["guidance_scale"],
                video_length=noise.shape[2],
                height=noise.shape[3] * 8,
                width=noise.shape[4] * 8,
                latents=noise.clone(),
                output_type="latent",
                callback_on_step_end=remember,
            )
        broadcast.ledger.check(plan)
        return torch.cat(history), broadcast

    def check_pab(
        self, file: str, name: str, by: str, rules: Rules, broadcast_object: BroadcastObject
    ) -> Iterator[Check]:
        """One recorded PAB run: every step's latents, the final ones, and every decision."""
        prefix = f"outputs/{name}/{by}"
        results: list[tuple[torch.Tensor, Engine]] = []

        def final() -> float:
            results.append(self.latents(rules, broadcast_object))
            return relative_l2(results[0][0][-1:], self.tensors[f"{prefix}/final_latents"])

        yield check(file, f"{name}, {by}: final latents", SAMPLING_TOLERANCE, final, "relative L2")
        if f"{prefix}/latents_per_step" in self.tensors:

            def per_step() -> float:
                golden = self.tensors[f"{prefix}/latents_per_step"]
                pairs = zip(results[0][0], golden, strict=True)
                return max(relative_l2(ours, theirs) for ours, theirs in pairs)

            yield check(
                file, f"{name}, {by}: every step", SAMPLING_TOLERANCE, per_step, "relative L2"
            )
        yield check(
            file,
            f"{name}, {by}: decisions",
            0.0,
            lambda: _deviations(results[0][1], self.content["pab"][name], by),
            "exact",
        )


def _deviations(broadcast: Engine, case: Mapping[str, Any], by: str) -> float:
    """Decisions that the engine really took against the recorded ones."""
    ledger = broadcast.ledger
    total = 0
    if by == "videosys":
        for group in GROUPS:
            if group.name not in case["videosys_decisions"]:
                continue
            expected = golden_decisions(case["videosys_decisions"], group)
            total += int((ledger.decisions(group) != expected).sum())
        return total
    for module, digits in case[by]["decisions"].items():
        branch, block, attention = module.split(".")
        group = CROSS_OR_SELF[branch, attention]
        expected = np.array([digit == "1" for digit in digits])
        total += int((ledger.decisions(group)[:, int(block)] != expected).sum())
    return total


CROSS_OR_SELF = {
    ("transformer_blocks", "attn1"): GROUPS[0],
    ("temporal_transformer_blocks", "attn1"): GROUPS[1],
    ("transformer_blocks", "attn2"): GROUPS[2],
}


def check_keys(file: str, content: dict[str, Any]) -> Iterator[Check]:
    """State-dict keys and shapes of the released architecture, built on the meta device."""

    def differing() -> float:
        with torch.device("meta"):
            model = LatteTransformer3DModel(**content["constructor_kwargs"])
        ours = {name: list(value.shape) for name, value in model.state_dict().items()}
        golden = {name: list(shape) for name, shape in content["keys"].items()}
        return len(
            {(k, tuple(v)) for k, v in ours.items()} ^ {(k, tuple(v)) for k, v in golden.items()}
        )

    yield check(file, "state-dict keys and shapes", 0.0, differing, "exact")
