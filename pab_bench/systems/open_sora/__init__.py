"""Open-Sora 1.2: STDiT3, its autoencoder, rectified flow, text handling and sizes."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("STDiT3Transformer",),
    architecture="pab_bench.systems.open_sora.architecture:STDiT3Architecture",
    sampler="pab_bench.systems.open_sora.sampler:OpenSoraSampler",
    schedule="rectified_flow",
    blueprint="pab_bench.systems.open_sora.blueprint:OpenSoraBlueprint",
    carries=frozenset({"sites", "stack", "call", "rows", "modulation"}),
    parallel=("dsp", "ulysses", "megatron_sp"),
    stored_as="pab_bench.samplers.open_sora:OpenSoraSampler",
)
