"""Any pipeline of diffusers that makes videos from text, or from text and a picture."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=(),
    architecture=None,
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    blueprint="pab_bench.systems.diffusers.blueprint:DiffusersBlueprint",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    check_call="pab_bench.systems.diffusers.call_arguments:check_call",
    image_use="pab_bench.systems.diffusers.call_arguments:image_use",
    broadcast_objects=("ungated",),
    token_grid=False,
    carries=frozenset({"sites", "stack", "call", "sigmas"}),
    one_list=False,
    pixel_multiple=1,
)
