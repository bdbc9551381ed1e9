"""Golden forward passes of `LatteT2V`: outputs, what happens in between, positions, keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from diffusers.models.embeddings import PatchEmbed
from golden.open_sora_plan import (
    Content,
    Goldens,
    differing_keys,
    wrong_count,
)
from safetensors.torch import load_file

from pab_bench.engine.engine import Engine
from pab_bench.engine.observation import SiteOutput
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.systems.open_sora_plan.architecture import OpenSoraPlanArchitecture
from pab_bench.systems.open_sora_plan.transformer import LatteT2V, temporal_positions
from pab_bench.verify.base import (
    Check,
    check,
    failed_check,
    max_absolute_difference,
    relative_l2,
)

FORWARD_TOLERANCE = 1e-5
INTERMEDIATES_TOLERANCE = 1e-5
"""Relative: versions of PyTorch round the frequencies of the timestep differently in their last
place, which the blocks amplify by up to five before the last normalisation."""
POSITION_TOLERANCE = 1e-6

Tensors = Mapping[str, torch.Tensor]


def check_keys(path: Path, content: Content) -> Iterator[Check]:
    """State-dict keys, shapes and parameters of a configuration, built on the meta device."""
    with torch.device("meta"):
        model = LatteT2V(**content["constructor_kwargs"])
    yield check(
        path.name,
        "state-dict keys and shapes",
        0.0,
        partial(differing_keys, model.state_dict(), content["keys"]),
        "exact",
    )
    parameters = sum(p.numel() for p in model.parameters())
    count = partial(wrong_count, parameters, content["parameter_count"])
    yield check(path.name, "number of parameters", 0.0, count, "exact")
    persistent = model.state_dict()
    buffers = {n: b for n, b in model.named_buffers() if n not in persistent}
    if "non_persistent_buffers" in content:
        differing = partial(differing_keys, buffers, content["non_persistent_buffers"])
        yield check(path.name, "buffers outside the state dict", 0.0, differing, "exact")


def load_transformer(content: Content, tensors: Tensors) -> LatteT2V:
    """The model of a golden forward file, with its weights."""
    model = LatteT2V(**content["constructor_kwargs"]).eval()
    model.load_state_dict(below(tensors, "weights/"), strict=True)
    return model


def below(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def check_forward(path: Path, content: Content) -> Iterator[Check]:
    """Every recorded call, the model's own positions, and tables of positions."""
    tensors = load_file(path.with_suffix(".safetensors"))
    model = load_transformer(content, tensors)
    for name, call in content["calls"].items():

        def forward(name: str = name, call: Content = call) -> float:
            return max_absolute_difference(
                call_transformer(model, call, tensors, name), tensors[f"outputs/{name}"]
            )

        yield check(path.name, f"forward {name}", FORWARD_TOLERANCE, forward)
    own = {"pos_embed": model.pos_embed.pos_embed, "temp_pos_embed": model.temp_pos_embed}
    for name, golden in below(tensors, "buffers/").items():
        difference = partial(max_absolute_difference, own[name], golden)
        yield check(path.name, f"positions {name}", POSITION_TOLERANCE, difference)
    for name, golden in below(tensors, "position/").items():

        def table(name: str = name, golden: torch.Tensor = golden) -> float:
            return max_absolute_difference(position_table(name, content), golden)

        yield check(path.name, f"positions {name}", POSITION_TOLERANCE, table)


@torch.no_grad()
def call_transformer(model: LatteT2V, call: Content, tensors: Tensors, name: str) -> torch.Tensor:
    """The output of a recorded call."""
    if call.get("use_image_num"):
        raise ValueError("use_image_num: joint training with images is not supported")
    output: torch.Tensor = model(
        **below(tensors, f"inputs/{name}/"),
        enable_temporal_attentions=call["enable_temporal_attentions"],
        return_dict=False,
    )[0]
    return output


def position_table(name: str, content: Content) -> torch.Tensor:
    """Positions by the name of a table: of a grid and its scaling, or of a released model.

    `dim16_grid_h3_w5_base8_scale2`, `full_65x512x512_temporal`, or
    `full_65x512x512_spatial_rows_0_1` for some rows.
    """
    grid = re.fullmatch(r"dim(\d+)_grid_h(\d+)_w(\d+)_base(\d+)_scale(\d+)", name)
    if grid:
        width, rows, columns, base, scale = (int(number) for number in grid.groups())
        return _added_positions(
            PatchEmbed(base, base, 1, 1, width, interpolation_scale=scale), rows, columns
        )
    released = re.fullmatch(r"full_(\d+)x(\d+)x(\d+)_(spatial|temporal)(?:_rows((?:_\d+)+))?", name)
    if released is None:
        raise ValueError(f"position table of unknown name {name!r}")
    frames, height, width = (int(number) for number in released.group(1, 2, 3))
    config = next(value for key, value in content.items() if key.startswith("released_config"))
    inner = config["num_attention_heads"] * config["attention_head_dim"]
    if released.group(4) == "temporal":
        table = temporal_positions(inner, (frames - 1) // 4 + 1)[0]
    else:
        model = LatteT2V(**config | {"sample_size": [height // 8, width // 8], "num_layers": 0})
        table = model.pos_embed.pos_embed[0]
    chosen = released.group(5)
    return table if chosen is None else table[[int(row) for row in chosen.split("_")[1:]]]


@torch.no_grad()
def _added_positions(layer: PatchEmbed, rows: int, columns: int) -> torch.Tensor:
    """What the layer adds to tokens that are zero."""
    for parameter in layer.parameters():
        parameter.zero_()
    output: torch.Tensor = layer(torch.zeros(1, 1, rows, columns))[0]
    return output


def check_intermediates(goldens: Goldens, path: Path, content: Content) -> Iterator[Check]:
    """Tensors inside a forward call, and exactly what the engine would keep."""
    source = goldens.named("forward", content["what"])
    description = goldens.files["forward"][source]
    weights = load_file(source.with_suffix(".safetensors"))
    named = re.search(r"forward call (\w+)", content["what"])
    name = named.group(1) if named else next(iter(description["calls"]))
    model = load_transformer(description, weights)
    seen = _Seen(model)
    timestep = int(weights[f"inputs/{name}/timestep"][0])
    architecture = OpenSoraPlanArchitecture(model)
    plan = make_plan(Rules(), [timestep], architecture.depth, architecture.groups)
    with seen, Engine(architecture, plan, observers=[seen]):
        call_transformer(model, description["calls"][name], weights, name)
    for key, golden in load_file(path.with_suffix(".safetensors")).items():
        if key not in seen.tensors:
            yield failed_check(path.name, key, "not among what is observed")
            continue
        difference = partial(relative_l2, seen.tensors[key], golden)
        yield check(path.name, key, INTERMEDIATES_TOLERANCE, difference, "relative L2")


class _Seen:
    """Records tensors under the golden files' names: a context, and an observer of the engine."""

    def __init__(self, model: LatteT2V) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._model = model
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        model = self._model
        self._watch(model.caption_projection, output="caption_projection_out")
        self._watch(model.adaln_single, output="adaln_single/modulation_6D")
        self._watch(model.adaln_single.emb, output="adaln_single/embedded_timestep")
        branches = {
            "spatial": model.transformer_blocks,
            "temporal": model.temporal_transformer_blocks,
        }
        for branch, blocks in branches.items():
            for index, block in enumerate(blocks.children()):
                place = f"blocks/{index}/{branch}"
                parts = dict(block.named_children())
                self._watch(block, f"{place}_block_in", f"{place}_block_out")
                self._watch(parts["attn1"], f"{place}_attn1_in", f"{place}_attn1_raw")
                self._watch(parts["ff"], f"{place}_ff_in", f"{place}_ff_raw")
                if branch == "spatial":
                    self._watch(parts["attn2"], f"blocks/{index}/cross_attn2_in")

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _watch(
        self, module: torch.nn.Module, given: str | None = None, output: str | None = None
    ) -> None:
        def remember(module: Any, args: tuple[Any, ...], result: Any) -> None:
            if given is not None:
                self.tensors[given] = args[0].clone()
            if output is not None:
                first = result[0] if isinstance(result, tuple) else result
                self.tensors[output] = first.clone()

        self._handles.append(module.register_forward_hook(remember))

    def start_video(self) -> None:
        """Nothing to forget."""

    def observe(self, output: SiteOutput) -> None:
        """Keep what the engine would keep."""
        self.tensors[f"pab_cache/{output.block}/{output.group.name}"] = output.gated.clone()
