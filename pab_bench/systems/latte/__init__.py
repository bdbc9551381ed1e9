"""Latte, and the block that systems of its kind share."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("LatteTransformer3DModel",),
    architecture="pab_bench.systems.latte.architecture:LatteArchitecture",
    sampler="pab_bench.systems.latte.sampler:LatteSampler",
    schedule="ddim_leading",
    blueprint="pab_bench.systems.latte.blueprint:LatteBlueprint",
    carries=frozenset({"sites", "stack", "call", "rows", "modulation"}),
    parallel=("dsp", "ulysses", "megatron_sp"),
    stored_as="pab_bench.samplers.latte:LatteSampler",
)
