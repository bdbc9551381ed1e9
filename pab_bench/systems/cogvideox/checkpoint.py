"""What a checkpoint of CogVideoX is."""

from __future__ import annotations

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
)

from pab_bench.systems.checkpoints.checkpoint import Kind
from pab_bench.systems.checkpoints.construct import Network

KIND = Kind(
    pipeline=CogVideoXPipeline,
    transformer=Network(CogVideoXTransformer3DModel),
    vae=Network(AutoencoderKLCogVideoX),
    scheduler=CogVideoXDDIMScheduler,
)
