"""The small models and inputs of neighbouring folders that golden parallel runs were made with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from golden.latte import rules_from_videosys
from golden.latte_run import GoldenRun as LatteRun
from golden.open_sora_plan import read_goldens
from golden.open_sora_plan_run import GoldenRun as OpenSoraPlanRun
from golden.open_sora_run import GoldenSampling, small_model
from golden.sequence_parallel import Case, Content
from safetensors.torch import load_file

from pab_bench.methods.rules import Rules
from pab_bench.verify.base import Measure

FORWARD_TOLERANCE = 2e-5
SAMPLING_TOLERANCE = 1e-4
RELATIVE_TOLERANCE = 1e-5
_GUIDANCE = "cfg_parallel/"
_ONE_MASK_ROW = "_one_mask_row"
_LIKE = "call0"
"""The call whose other arguments go with inputs that only the parallel goldens have."""

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Golden:
    """What a golden run computes, and what came of it on one rank.

    Attributes:
        transformer: what is split.
        compute: the run.
        expected: upstream's output; None where it has none.
        measure: how outputs are compared.
        tolerance: for that.
    """

    transformer: torch.nn.Module
    compute: Callable[[], torch.Tensor]
    expected: torch.Tensor | None
    measure: Measure
    tolerance: float


def golden_of(folder: Path, case: Case) -> Golden:
    """The model and inputs of a case.

    Raises:
        ValueError: if its weights are of no known model.
    """
    outputs = _tensors(folder / "outputs.safetensors")
    path = folder.parent / case.weights
    content = _json(path.with_suffix(".json"))
    arguments = content["constructor_kwargs"]
    expected = None if case.output is None else outputs[case.output]
    if "input_sq_size" in arguments:
        transformer, compute = _open_sora(path, content, case, outputs)
        tolerance = FORWARD_TOLERANCE if case.steps is None else SAMPLING_TOLERANCE
        return Golden(transformer, compute, expected, "max abs difference", tolerance)
    of = _latte if "pab" in content else _open_sora_plan
    transformer, compute = of(path, content, case, outputs)
    if case.steps is None:
        return Golden(transformer, compute, expected, "max abs difference", FORWARD_TOLERANCE)
    return Golden(transformer, compute, expected, "relative L2", RELATIVE_TOLERANCE)


@cache
def _tensors(path: Path) -> Tensors:
    return load_file(path)


@cache
def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _inputs(case: Case, path: Path, outputs: Tensors, prefix: str = "") -> dict[str, torch.Tensor]:
    """Of a forward call: the neighbour's, or its own beside those of the neighbour's first."""
    call = case.run.removeprefix(_GUIDANCE).removesuffix(_ONE_MASK_ROW)
    known = _below(_tensors(path), f"inputs/{prefix}{call}/")
    own = _below(outputs, f"inputs/{path.parent.name}/{call}/")
    like = _below(_tensors(path), f"inputs/{_LIKE}/") if own and not known else {}
    if not {**known, **own}:
        raise ValueError(f"{case.run}: no inputs in {path.name} or outputs.safetensors")
    return {**like, **known, **own}


def _below(tensors: Tensors, start: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


Runnable = tuple[torch.nn.Module, Callable[[], torch.Tensor]]


@cache
def _open_sora_model(path: Path) -> Any:
    return small_model(_json(path.with_suffix(".json")), _tensors(path))


def _open_sora(path: Path, content: Content, case: Case, outputs: Tensors) -> Runnable:
    model = _open_sora_model(path)
    if case.steps is not None:
        stem = path.with_name("pab")
        settings = _json(stem.with_suffix(".json"))
        inputs = {
            k: v for k, v in _tensors(stem.with_suffix(".safetensors")).items() if "/" not in k
        }

        def sample() -> torch.Tensor:
            run = GoldenSampling(model, inputs, settings, int(case.steps or 0), case.pab)
            return run.outputs()["latents_final"]

        return model, sample
    inputs = _inputs(case, path, outputs)
    mask = inputs.get("mask")
    if case.guidance and mask is not None and not case.run.endswith(_ONE_MASK_ROW):
        mask = mask.repeat(len(inputs["x"]) // len(mask), 1)

    @torch.no_grad()
    def call() -> torch.Tensor:
        output: torch.Tensor = model(
            inputs["x"],
            inputs["timestep"],
            inputs["y"][:, 0],
            mask,
            inputs["fps"],
            float(inputs["height"][0]),
            float(inputs["width"][0]),
            return_dict=False,
        )[0]
        return output

    return model, call


@cache
def _latte_run(path: Path) -> LatteRun:
    return LatteRun(_json(path.with_suffix(".json")), _tensors(path))


def _latte(path: Path, content: Content, case: Case, outputs: Tensors) -> Runnable:
    run = _latte_run(path)
    if case.steps is not None:
        rules = Rules() if case.pab is None else rules_from_videosys(case.pab)
        return run.transformer, lambda: run.latents(rules, "output")[0][-1:]
    return _forward(run.transformer, _inputs(case, path, outputs))


@cache
def _open_sora_plan_run(path: Path) -> OpenSoraPlanRun:
    goldens = read_goldens(path.parent)
    source = next(iter(goldens.files["sampler"]))
    content = goldens.files["sampler"][source]
    return OpenSoraPlanRun(goldens, source, content, load_file(source.with_suffix(".safetensors")))


def _open_sora_plan(path: Path, content: Content, case: Case, outputs: Tensors) -> Runnable:
    run = _open_sora_plan_run(path)
    if case.steps is not None:
        rules = Rules() if case.pab is None else rules_from_videosys(case.pab)
        return run.transformer, lambda: run.sample(rules).latents[-1:]
    inputs: dict[str, Any] = _inputs(case, path, outputs)
    temporal = content.get("calls", {}).get(case.run, {}).get("enable_temporal_attentions", True)
    return _forward(run.transformer, {**inputs, "enable_temporal_attentions": temporal})


def _forward(transformer: torch.nn.Module, inputs: Mapping[str, Any]) -> Runnable:
    @torch.no_grad()
    def call() -> torch.Tensor:
        output: torch.Tensor = transformer(**inputs, return_dict=False)[0]
        return output

    return transformer, call
