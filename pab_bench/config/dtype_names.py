"""The short names of dtypes that people type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHORT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def with_full_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which `dtype`, `model.dtype` and `cache.dtype` have PyTorch's names.

    >>> with_full_names({"dtype": "bf16", "model": {"dtype": "fp32"}, "cache": {"dtype": None}})
    {'dtype': 'bfloat16', 'model': {'dtype': 'float32'}, 'cache': {'dtype': None}}
    """

    def full(part: Mapping[str, Any]) -> dict[str, Any]:
        return {**part, "dtype": SHORT.get(part["dtype"], part["dtype"])}

    return {**full(values), "model": full(values["model"]), "cache": full(values["cache"])}
