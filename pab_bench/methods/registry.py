"""The acceleration methods by name: a new one adds a file and a line here."""

from __future__ import annotations

from pab_bench.methods.base import Method
from pab_bench.registry import Registry

METHODS: Registry[type[Method]] = Registry(
    "method",
    {
        "pab": "pab_bench.methods.pab:PyramidAttentionBroadcast",
        "adacache": "pab_bench.methods.adacache:AdaCache",
        "dbcache": "pab_bench.methods.dbcache:DBCache",
        "delta_dit": "pab_bench.methods.delta_dit:DeltaDit",
        "delta_dit_pab": "pab_bench.methods.delta_dit_pab:DeltaDitPab",
        "easycache": "pab_bench.methods.easycache:EasyCache",
        "external": "pab_bench.methods.external:External",
        "fastercache": "pab_bench.methods.fastercache:FasterCache",
        "fastercache_diffusers": "pab_bench.methods.fastercache_diffusers:FasterCacheDiffusers",
        "fewer_steps": "pab_bench.methods.fewer_steps:FewerSteps",
        "fora": "pab_bench.methods.fora:Fora",
        "magcache": "pab_bench.methods.magcache:MagCache",
        "mask": "pab_bench.methods.mask:Mask",
        "seacache": "pab_bench.methods.seacache:SeaCache",
        "taylorseer": "pab_bench.methods.taylorseer:TaylorSeer",
        "teacache": "pab_bench.methods.teacache:TeaCache",
        "tgate": "pab_bench.methods.tgate:TGate",
        "tgate_pab": "pab_bench.methods.tgate_pab:TGatePab",
    },
)
