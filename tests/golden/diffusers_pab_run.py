"""Golden runs of diffusers' PAB: our engine around the unmodified pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import diffusers
import numpy as np
import torch
from safetensors.torch import load_file

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import CROSS, SPATIAL, Group
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.registry import architecture_of
from pab_bench.verify.base import Check, check, relative_l2

TOLERANCE = 1e-5
WINDOW = (100, 800)
"""The hook's own, where a run names none."""
GROUPS: Mapping[str, Group] = {"self": SPATIAL, "cross": CROSS}
LANES: Mapping[str, Mapping[str, int]] = {"wan": {"cond": 0, "uncond": 1}, "cogvideox": {"both": 0}}


def check_model(
    folder: Path, model: str, content: dict[str, Any], runs: Mapping[str, Any]
) -> Iterator[Check]:
    """The latents without reuse, and of every run its latents and decisions."""
    golden = load_file(folder / "pab_diffusers" / f"{model}.safetensors")
    sampled = _Sampled(model, content, load_file(folder / "models" / f"{model}.safetensors"))
    file = f"models/{model}.json"
    yield check(file, "baseline: final latents", TOLERANCE, sampled.baseline, "relative L2")
    for name, run in runs.items():
        yield from _check_run(sampled, f"pab_diffusers/{model}.json", name, run, golden)


def _check_run(
    sampled: _Sampled, file: str, name: str, run: dict[str, Any], golden: Mapping[str, torch.Tensor]
) -> Iterator[Check]:
    results: list[tuple[list[torch.Tensor], Engine]] = []

    def final() -> float:
        results.append(sampled.follow(_rules(run["config"])))
        return relative_l2(results[0][0][-1], golden[f"{name}/final_latents"])

    yield check(file, f"{name}: final latents", TOLERANCE, final, "relative L2")

    def on_the_way() -> float:
        latents = results[0][0]
        return max(
            relative_l2(latents[step][0], golden[f"{name}/latents_after_step_{step}"])
            for step in run["kept_steps"][:-1]
        )

    yield check(file, f"{name}: on the way", TOLERANCE, on_the_way, "relative L2")

    def decisions() -> float:
        return _deviations(results[0][1], run["decisions"], LANES[sampled.model])

    yield check(file, f"{name}: decisions", 0.0, decisions, "exact")


def _rules(config: Mapping[str, Any]) -> Rules:
    def rule(kind: str) -> GapRule:
        gap = config.get(f"{kind}_attention_block_skip_range")
        window = config.get(f"{kind}_attention_timestep_skip_range", WINDOW)
        return GapRule() if gap is None else GapRule(True, tuple(window), gap)

    return Rules(spatial=rule("spatial"), cross=rule("cross"))


def _deviations(engine: Engine, decisions: Mapping[str, Any], lanes: Mapping[str, int]) -> float:
    """Visits of ours, of all lanes, that are not as the golden ones."""
    total = 0
    for kind, group in GROUPS.items():
        for lane, entries in decisions.get(kind, {}).items():
            for entry in entries:
                computed = np.array([digit != "0" for digit in entry["calls"]])
                ours = engine.ledger.visits[group][lanes[lane]] == 1
                total += int((ours[:, entry["blocks"]] != computed[:, None]).sum())
    return total


class _Sampled:
    """The small model of one golden file, in the real pipeline."""

    def __init__(
        self, model: str, content: dict[str, Any], tensors: Mapping[str, torch.Tensor]
    ) -> None:
        self.model, self._content, self._tensors = model, content, tensors
        transformer = getattr(diffusers, content["class"])(**content["constructor_kwargs"]).eval()
        weights = {
            k.removeprefix("weights/"): v for k, v in tensors.items() if k.startswith("weights/")
        }
        transformer.load_state_dict(weights, strict=True)
        scheduler = getattr(diffusers, content["scheduler"])(**content["scheduler_kwargs"])
        self._pipeline = getattr(diffusers, content["pipeline"])(
            tokenizer=None,
            text_encoder=None,
            vae=None,  # Latents are given and returned.
            transformer=transformer,
            scheduler=scheduler,
        )
        self._pipeline.set_progress_bar_config(disable=True)
        self._architecture = architecture_of(transformer)

    def baseline(self) -> float:
        """Relative L2 of the final latents without reuse."""
        latents, _ = self.follow(Rules())
        return relative_l2(latents[-1][0], self._tensors["baseline/latents_per_step"][-1])

    def follow(self, rules: Rules) -> tuple[list[torch.Tensor], Engine]:
        """The latents after every step, and the engine that was attached."""
        content, own = self._content, self._architecture
        times = tuple(int(timestep) for timestep in content["timesteps"])
        plan = make_plan(rules, times, own.depth, own.groups)
        history: list[torch.Tensor] = []

        def remember(pipeline: Any, step: int, timestep: Any, values: dict[str, Any]) -> Any:
            del pipeline, step, timestep
            history.append(values["latents"].clone())
            return {}

        with Engine(own, plan, "ungated", lanes=len(LANES[self.model])) as engine:
            self._pipeline(
                prompt_embeds=self._tensors["inputs/prompt_embeds"],
                negative_prompt_embeds=self._tensors["inputs/negative_prompt_embeds"],
                latents=self._tensors["inputs/latents"].clone(),
                callback_on_step_end=remember,
                **content["call"],
            )
        engine.ledger.check(plan)
        return history, engine
