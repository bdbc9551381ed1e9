"""What `${pab_bench.NAME:...}` in a configuration stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from pab_bench.problems import InvalidSettings, Problem


def part(depth: int, number: int, parts: int) -> list[int]:
    """The first and the last block of one of several parts of a model, of nearly the same size.

    Args:
        depth: number of blocks.
        number: of the part, from 0.
        parts: how many there are; at most `depth`.

    Example:
        >>> [part(28, number, 3) for number in range(3)]
        [[0, 8], [9, 17], [18, 27]]
    """
    return [depth * number // parts, depth * (number + 1) // parts - 1]


def pick(key: str, options: Mapping[str, Any]) -> Any:
    """Take the value that belongs to a key, such as the name of a system.

    Args:
        key: which.
        options: by key.

    Raises:
        InvalidSettings: if nothing belongs to it.

    Example:
        >>> pick("latte", {"latte": 50, "open_sora": 30})
        50
    """
    if key not in options:
        reason = f"this experiment has settings for {', '.join(options)} only"
        raise InvalidSettings([Problem(f"model.system={key}", reason)])
    return options[key]


def share(number: int, of_it: float) -> int:
    """Take a share of a whole number, rounded to the nearest.

    Example:
        >>> share(30, 0.4)
        12
    """
    return round(number * of_it)


def register_resolvers() -> None:
    """Tell OmegaConf; calling it again does no harm."""
    OmegaConf.register_new_resolver(
        "pab_bench.or", lambda value, default: default if value is None else value, replace=True
    )
    OmegaConf.register_new_resolver("pab_bench.part", part, replace=True)
    OmegaConf.register_new_resolver("pab_bench.pick", pick, replace=True)
    OmegaConf.register_new_resolver("pab_bench.half", lambda number: number // 2, replace=True)
    OmegaConf.register_new_resolver("pab_bench.share", share, replace=True)
