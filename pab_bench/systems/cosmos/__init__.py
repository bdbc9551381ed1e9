"""Cosmos 1 and Cosmos Predict2.5."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("CosmosTransformer3DModel",),
    architecture="pab_bench.systems.cosmos.architecture:CosmosArchitecture",
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    blueprint="pab_bench.systems.diffusers.blueprint:DiffusersBlueprint",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    check_call="pab_bench.systems.diffusers.call_arguments:check_call",
    image_use="pab_bench.systems.diffusers.call_arguments:image_use",
    token_grid=False,
)
