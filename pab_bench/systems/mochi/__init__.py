"""Mochi 1."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("MochiTransformer3DModel",),
    architecture="pab_bench.systems.mochi.architecture:MochiArchitecture",
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    token_grid=False,
)
