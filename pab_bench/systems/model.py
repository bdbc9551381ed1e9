"""Which checkpoint is sampled from, and at what size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pab_bench.systems.call_arguments import NO_ARGUMENTS, CallArguments

FROM_CHECKPOINT: Mapping[str, bool] = {"from_checkpoint": True}
"""Metadata of numbers that a configuration may leave null; settings have them all."""


@dataclass(frozen=True)
class PartSettings:
    """Where a part of the model is that does not lie with the transformer.

    Attributes:
        path: a local folder; None = from the hub's cache or the hub.
        repository: on the hub; None if the part lies with the transformer.
        revision: the hub's pinned commit.
    """

    path: str | None = None
    repository: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class ModelSettings:
    """Which checkpoint, at what size, driven by which sampler.

    Attributes:
        name: the model's name in `conf/model`.
        system: name of the system in `pab_bench.systems.registry`, or the address `module:Class`
            of a sampler that lies elsewhere.
        path: a folder with the checkpoint; None = from the package or the hub.
        repository: on the hub; None if the checkpoint ships with the package.
        revision: the hub's pinned commit.
        vae: where the autoencoder is, if elsewhere.
        text_encoder: where tokenizer and text encoder are, if elsewhere.
        depth: number of transformer block pairs.
        frames: frames of a video.
        height: of a frame, pixels.
        width: of a frame, pixels.
        schedule: formula of the timesteps, if they can be known before the model is loaded.
        transform_scale: the factor in Open-Sora's timestep transform.
        negative_prompt: what guidance leads away from.
        clean_caption: whether the pipeline cleans prompts before encoding.
        offload: `none`, `model` or `sequential`: what waits on the host until it is needed.
        flow_shift: of the steps of flow matching towards noise; None = the checkpoint's own.
        call: further arguments of the pipeline's own call, where the system takes some.
        random_weights: replace the transformer's weights by seeded random ones: the control that
            claims about a trained model are shown beside.
    """

    name: str
    system: str
    path: str | None
    repository: str | None
    revision: str | None
    depth: int = field(metadata=FROM_CHECKPOINT)
    frames: int = field(metadata=FROM_CHECKPOINT)
    height: int = field(metadata=FROM_CHECKPOINT)
    width: int = field(metadata=FROM_CHECKPOINT)
    schedule: str | None = None
    transform_scale: float = 1.0
    negative_prompt: str = ""
    clean_caption: bool = False
    offload: str = "none"
    flow_shift: float | None = None
    random_weights: bool = False
    call: CallArguments = NO_ARGUMENTS
    vae: PartSettings = PartSettings()
    text_encoder: PartSettings = PartSettings()
