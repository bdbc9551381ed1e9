"""All parts of a checkpoint: each is what it says, and they belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pab_bench.systems.checkpoints.construct import TEXT_ENCODER, Network
from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.network import CheckedNetwork, check_network
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.scheduler import load_scheduler
from pab_bench.systems.checkpoints.tokenizer import CLASSES, load_tokenizer

INDEX = "model_index.json"
PARTS = ("scheduler", "tokenizer", "text_encoder", "transformer", "vae")


@dataclass(frozen=True)
class Kind:
    """What a system's checkpoints must be.

    Attributes:
        pipeline: the diffusers pipeline's class.
        transformer: its transformer.
        vae: its autoencoder.
        scheduler: its scheduler's class.
    """

    pipeline: Any
    transformer: Network
    vae: Network
    scheduler: Any


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files fit, not loaded yet.

    Attributes:
        kind: what it is.
        networks: transformer, vae and text_encoder.
        tokenizer: the loaded tokenizer.
        scheduler: the scheduler.
    """

    kind: Kind
    networks: Mapping[str, CheckedNetwork]
    tokenizer: Any
    scheduler: Any

    def load(self, dtype: torch.dtype) -> Any:
        """The pipeline with its numbers.

        Raises:
            CheckpointRefused: if a tensor was not loaded or is not finite.
        """
        loaded = {name: network.load(dtype) for name, network in self.networks.items()}
        return self.kind.pipeline(tokenizer=self.tokenizer, scheduler=self.scheduler, **loaded)


def check_checkpoint(kind: Kind, parts: Mapping[str, Part]) -> Checkpoint:
    """Check all files of a checkpoint, without reading its numbers.

    Args:
        kind: what it must be.
        parts: where its parts lie; without `scheduler` the class' defaults are meant.

    Raises:
        CheckpointRefused: naming the setting, the part, its file, and what is wrong.
    """
    scheduler = kind.scheduler()
    if "scheduler" in parts:
        scheduler = load_scheduler(parts["scheduler"], kind.scheduler)
    expected = {"transformer": kind.transformer, "vae": kind.vae, "text_encoder": TEXT_ENCODER}
    networks = {name: check_network(parts[name], network) for name, network in expected.items()}
    text: Any = networks["text_encoder"].empty
    tokenizer = load_tokenizer(parts["tokenizer"], int(text.config.vocab_size))
    _check_together(networks, parts["transformer"])
    return Checkpoint(kind, networks, tokenizer, scheduler)


def check_index(setting: str, folder: Path, kind: Kind) -> None:
    """Check that a folder's `model_index.json` is of this pipeline.

    Raises:
        CheckpointRefused: if it is damaged, or another system's.
    """
    own = Part(setting, "pipeline", folder)
    try:
        index = read_object(folder / INDEX)
    except ValueError as error:
        raise own.refused(INDEX, error) from error
    name, expected = index.get("_class_name"), kind.pipeline.__name__
    if name != expected:
        raise own.refused(INDEX, f"_class_name={name!r}: this model needs a {expected}")
    classes = {
        "scheduler": (kind.scheduler.__name__,),
        "tokenizer": CLASSES,
        "text_encoder": (TEXT_ENCODER.kind.__name__,),
        "transformer": kind.transformer.names,
        "vae": kind.vae.names,
    }
    for part, names in classes.items():
        said = index.get(part)
        if not isinstance(said, list) or len(said) != 2 or said[1] not in names:
            shown = repr(said)[:80]
            raise own.refused(INDEX, f"{part}={shown}: must be a {' or '.join(names)}")
    for part, said in index.items():
        if (
            part not in classes
            and not part.startswith("_")
            and isinstance(said, list)
            and any(said)
        ):
            raise own.refused(INDEX, f"{part}: a {expected} has no such part")


def _check_together(networks: Mapping[str, CheckedNetwork], part: Part) -> None:
    configs: dict[str, Any] = {name: network.empty.config for name, network in networks.items()}
    transformer, vae, text = (configs[name] for name in ("transformer", "vae", "text_encoder"))
    width = transformer.get("caption_channels", transformer.get("text_embed_dim"))
    if width != text.d_model:
        reason = f"takes texts of width {width}, the text encoder gives {text.d_model}"
        raise part.refused("config.json", reason)
    channels = _latent_channels(vae)
    if transformer.in_channels != channels:
        reason = f"in_channels={transformer.in_channels}: the vae has {channels}"
        raise part.refused("config.json", reason)


def _latent_channels(config: Any) -> int:
    for key in ("latent_channels", "embed_dim"):
        if config.get(key) is not None:
            return int(config[key])
    return int(config["temporal"].get("embed_dim", 4))
