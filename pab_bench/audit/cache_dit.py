"""cache-dit's DBCache by plain values, where that package is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from pab_bench.errors import ConfigError

_PACKAGE = "cache_dit"


def enable_cache(pipeline: Any, **fields: Any) -> Callable[[], object]:
    """Enable DBCache on a pipeline that cache-dit knows.

    Args:
        pipeline: a diffusers pipeline.
        fields: those of its `DBCacheConfig`, such as `Fn_compute_blocks`.

    Returns:
        What disables it again.

    Raises:
        ConfigError: if the package is not here; it says how to install it.
    """
    try:
        package: Any = importlib.import_module(_PACKAGE)
    except ImportError as error:
        raise ConfigError(
            "method.enable=pab_bench.audit.cache_dit:enable_cache: cache-dit is not here "
            f"({error}); pip install cache-dit"
        ) from error
    package.enable_cache(pipeline, cache_config=package.DBCacheConfig(**fields))
    return lambda: package.disable_cache(pipeline)
