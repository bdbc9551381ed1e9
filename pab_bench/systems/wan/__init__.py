"""Wan 2.1 and 2.2, and SkyReels V2, which has Wan's transformer."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("WanTransformer3DModel", "SkyReelsV2Transformer3DModel"),
    architecture="pab_bench.systems.wan.architecture:WanArchitecture",
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    blueprint="pab_bench.systems.diffusers.blueprint:DiffusersBlueprint",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    check_call="pab_bench.systems.diffusers.call_arguments:check_call",
    image_use="pab_bench.systems.diffusers.call_arguments:image_use",
    token_grid=False,
    carries=frozenset({"sites", "stack", "call", "modulation", "sigmas"}),
    parallel=("ulysses",),
)
