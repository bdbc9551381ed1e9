"""Open-Sora-Plan v1.1.0: `LatteT2V`, the causal video autoencoder and the pipeline."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("LatteT2V",),
    architecture="pab_bench.systems.open_sora_plan.architecture:OpenSoraPlanArchitecture",
    sampler="pab_bench.systems.open_sora_plan.sampler:OpenSoraPlanSampler",
    schedule="pndm",
    blueprint="pab_bench.systems.open_sora_plan.blueprint:OpenSoraPlanBlueprint",
    carries=frozenset({"sites", "stack", "call", "rows", "modulation"}),
    parallel=("dsp", "ulysses", "megatron_sp"),
    stored_as="pab_bench.samplers.open_sora_plan:OpenSoraPlanSampler",
)
