"""How outputs are kept: in which dtype, and where. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pab_bench.problems import Problems

CACHE_DTYPES = ("float16", "bfloat16", "float8_e4m3fn")
CACHE_DEVICES = ("cpu",)
SCALE_BYTES = 4
"""An 8-bit tensor is kept with one float32 number that it is multiplied by."""

_ITEM_BYTES: Mapping[str, int] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8_e4m3fn": 1,
}


@dataclass(frozen=True)
class CacheOptions:
    """How outputs are kept.

    Attributes:
        dtype: one of `CACHE_DTYPES`, to save memory at the price of exactness; None = as they are.
            Values in `float8_e4m3fn` are scaled so that the largest of a tensor fills its range.
        device: `cpu` keeps them in the host's (pinned) memory; None = where they are.

    Raises:
        InvalidSettings: for another dtype or device.
    """

    dtype: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        problems = Problems("cache")
        problems.choice("dtype", self.dtype, CACHE_DTYPES)
        problems.choice("device", self.device, CACHE_DEVICES)
        problems.raise_if_any()

    def bytes_of(self, numel: int, dtype: str) -> int:
        """Bytes that a tensor of `numel` elements of `dtype` takes when it is kept."""
        kept = dtype if self.dtype is None else self.dtype
        scale = SCALE_BYTES if kept == "float8_e4m3fn" != dtype else 0
        return numel * _ITEM_BYTES[kept] + scale
