"""Any text-to-video pipeline of diffusers, by its folder."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=(),
    architecture=None,
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    check_call="pab_bench.systems.diffusers.call_arguments:check_call",
    broadcast_objects=("ungated",),
    token_grid=False,
    pixel_multiple=1,
)
