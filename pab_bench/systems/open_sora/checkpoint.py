"""What a checkpoint of Open-Sora is."""

from __future__ import annotations

from pab_bench.systems.checkpoints.checkpoint import Kind
from pab_bench.systems.checkpoints.construct import Network
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.open_sora.vae import OpenSoraVAE

KIND = Kind(
    pipeline=OpenSoraPipeline,
    transformer=Network(STDiT3Transformer, ("STDiT3",)),
    vae=Network(OpenSoraVAE),
    scheduler=RectifiedFlowScheduler,
)
