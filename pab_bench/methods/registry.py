"""The acceleration methods by name: a new one adds a file and a line here."""

from __future__ import annotations

from pab_bench.methods.base import Method
from pab_bench.registry import Registry

METHODS: Registry[type[Method]] = Registry(
    "method", {"pab": "pab_bench.methods.pab:PyramidAttentionBroadcast"}
)
