"""Any text-to-video pipeline of diffusers, by its folder."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformer=None,
    architecture=None,
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    broadcast_objects=("ungated",),
    token_grid=False,
    carries=frozenset({"sites", "stack", "call"}),
    pixel_multiple=1,
)
