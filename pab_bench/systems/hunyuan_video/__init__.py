"""HunyuanVideo and HunyuanVideo 1.5."""

from __future__ import annotations

from pab_bench.systems.system import System

SYSTEM = System(
    transformers=("HunyuanVideoTransformer3DModel", "HunyuanVideo15Transformer3DModel"),
    architecture="pab_bench.systems.hunyuan_video.architecture:HunyuanVideoArchitecture",
    sampler="pab_bench.systems.diffusers.sampler:DiffusersSampler",
    blueprint="pab_bench.systems.diffusers.blueprint:DiffusersBlueprint",
    defaults="pab_bench.systems.diffusers.defaults:read_defaults",
    check_call="pab_bench.systems.diffusers.call_arguments:check_call",
    image_use="pab_bench.systems.diffusers.call_arguments:image_use",
    token_grid=False,
    one_list=False,
)
