"""The acceleration methods by name: a new one adds a file and a line here."""

from __future__ import annotations

from pab_bench.methods.base import Method
from pab_bench.registry import Registry

METHODS: Registry[type[Method]] = Registry(
    "method",
    {
        "pab": "pab_bench.methods.pab:PyramidAttentionBroadcast",
        "fewer_steps": "pab_bench.methods.fewer_steps:FewerSteps",
        "fora": "pab_bench.methods.fora:Fora",
        "mask": "pab_bench.methods.mask:Mask",
    },
)
