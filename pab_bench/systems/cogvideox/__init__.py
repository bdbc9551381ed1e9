"""CogVideoX."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("CogVideoXTransformer3DModel",),
    architecture="pab_bench.systems.cogvideox.architecture:CogVideoXArchitecture",
    sampler="pab_bench.systems.cogvideox.sampler:CogVideoXSampler",
    schedule="ddim_trailing",
    blueprint="pab_bench.systems.cogvideox.blueprint:CogVideoXBlueprint",
    carries=frozenset({"sites", "stack", "call", "rows", "modulation"}),
    stored_as="pab_bench.samplers.cogvideox:CogVideoXSampler",
)
