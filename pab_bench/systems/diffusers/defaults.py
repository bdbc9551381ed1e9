"""What a pipeline recommends where the configuration says nothing, read before sampling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch

from pab_bench.problems import InvalidSettings, Problem
from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import one_line
from pab_bench.systems.diffusers.guidance import usual_guidance
from pab_bench.systems.diffusers.index import PipelineIndex, locate_descriptions, read_index
from pab_bench.systems.diffusers.modules import check_alike, depth_of
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import setting_of

_SAMPLE = {"height": "sample_height", "width": "sample_width", "frames": "sample_frames"}


def read_defaults(model: ModelSettings) -> Mapping[str, int | float | None]:
    """Read a pipeline's defaults from the signature of its call and its parts' configurations.

    Args:
        model: where the pipeline is; its numbers are of no account.

    Returns:
        `frames`, `height`, `width`, `steps`, `guidance` and `depth`; None for what it does not say.

    Raises:
        CheckpointRefused: if it cannot be driven.
        WeightsMissing: if its descriptions are not here and cannot be downloaded.
    """
    folder, index = locate_descriptions(model)
    described = tuple((folder / name).stat().st_mtime_ns for name in index.described_networks())
    return _read(folder, setting_of(model), described)


@lru_cache(maxsize=8)  # Every point of a grid asks.
def _read(
    folder: Path, setting: str, described: tuple[int, ...]
) -> Mapping[str, int | float | None]:
    del described
    index = read_index(folder, setting)
    transformer = index.transformer
    own = _described(index, transformer, folder, setting)
    _check_alike(index, own, folder, setting)
    vae = _described(index, "vae", folder, setting)
    signature = index.call.defaults
    config = own.config
    sizes: dict[str, int | float | None] = {
        "frames": signature[index.call.frames],
        "height": signature.get("height"),
        "width": signature.get("width"),
    }
    attributes = _attributes(index, transformer, own, vae)
    scale = attributes.get("vae_scale_factor_spatial", attributes.get("vae_scale_factor"))
    for key in ("height", "width"):
        latents = config.get(_SAMPLE[key], config.get("sample_size"))
        if sizes[key] is None:
            sizes[key] = attributes.get(f"default_{key}")
        if sizes[key] is None and isinstance(latents, int) and scale is not None:
            sizes[key] = latents * scale
    if sizes["frames"] is None:
        sizes["frames"] = config.get("sample_frames")
    return {
        **sizes,
        "steps": signature["num_inference_steps"],
        "guidance": usual_guidance(index.call, _guider(index, folder, setting)),
        "depth": depth_of(own) or None,
    }


def _described(index: PipelineIndex, part: str, folder: Path, setting: str) -> Any:
    """A network without numbers."""
    try:
        config = read_object(folder / part / "config.json")
        with torch.device("meta"):
            return index.kind(part).from_config(config)
    except Exception as error:  # What constructors raise for wrong configurations is not listed.
        reason = f"{part}, config.json: {one_line(error)}"
        raise InvalidSettings([Problem(setting, reason)]) from error


def _check_alike(index: PipelineIndex, first: Any, folder: Path, setting: str) -> None:
    name, *others = index.transformers
    described = {other: _described(index, other, folder, setting) for other in others}
    try:
        check_alike({name: first, **described})
    except ValueError as error:
        raise InvalidSettings([Problem(setting, str(error))]) from error


def _guider(index: PipelineIndex, folder: Path, setting: str) -> Mapping[str, Any] | None:
    """The configuration of the part that guides, where that is not the call itself."""
    if "guider" not in index.parts:
        return None
    try:
        return read_object(folder / "guider" / "guider_config.json")
    except ValueError as error:
        reason = f"guider, guider_config.json: {error}"
        raise InvalidSettings([Problem(setting, reason)]) from error


def _attributes(index: PipelineIndex, transformer: str, own: Any, vae: Any) -> Mapping[str, Any]:
    """What a pipeline works out when it is made, here without text encoders."""
    parts = dict.fromkeys(index.parts) | {transformer: own, "vae": vae}
    try:
        return dict(vars(index.pipeline(**parts)))
    except Exception:  # It needs more of its parts: then it says nothing.
        return {}
