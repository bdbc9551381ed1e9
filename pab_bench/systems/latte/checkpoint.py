"""What a checkpoint of Latte is."""

from __future__ import annotations

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from diffusers import AutoencoderKL, DDIMScheduler, LattePipeline, LatteTransformer3DModel

from pab_bench.systems.checkpoints.checkpoint import Kind
from pab_bench.systems.checkpoints.construct import Network

KIND = Kind(
    pipeline=LattePipeline,
    # The original program's files have an embedding of no text, which sampling does not use.
    transformer=Network(
        LatteTransformer3DModel, ("LatteT2V",), (r"caption_projection\.y_embedding$",)
    ),
    vae=Network(AutoencoderKL),
    scheduler=DDIMScheduler,
)
