"""What a checkpoint of Open-Sora-Plan is."""

from __future__ import annotations

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from diffusers import PNDMScheduler

from pab_bench.systems.checkpoints.checkpoint import Kind
from pab_bench.systems.checkpoints.construct import Network
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.transformer import LatteT2V
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel

KIND = Kind(
    pipeline=OpenSoraPlanPipeline,
    transformer=Network(LatteT2V),
    # `CausalVAEModel._keys_to_ignore_on_load_unexpected` has what the training program adds.
    vae=Network(CausalVAEModel),
    scheduler=PNDMScheduler,
)
