"""Broadcasting in diffusers' `LatteTransformer3DModel`."""

from __future__ import annotations

from pab_bench.systems.latte.ada_norm_single import AdaNormSingleArchitecture


class LatteArchitecture(AdaNormSingleArchitecture):
    """Block pairs of Latte-1: 28."""
