"""Constants that were published for one system and one number of steps, and hold for no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pab_bench.methods.facts import About
from pab_bench.problems import Problem, Problems

Published = Mapping[tuple[str, int], Mapping[str, Any]]
"""By system and denoising steps: values by key."""


def published(method: object, table: Published, about: About) -> dict[str, Any]:
    """Take what was published for a sampling, of the keys that are null.

    Args:
        method: has the keys as attributes.
        table: what was published.
        about: the sampling.
    """
    known = table.get((about.system, about.steps), {})
    return {key: value for key, value in known.items() if getattr(method, key) is None}


def refuse_unpublished(
    method: Any, keys: Sequence[str], table: Published, about: About, problems: Problems
) -> None:
    """Note the first key that is still null.

    Args:
        method: has the keys as attributes.
        keys: which of them are needed.
        table: what was published.
        about: the sampling.
        problems: receives it.
    """
    missing = [key for key in keys if getattr(method, key) is None]
    if missing:
        known = ", ".join(f"{system} with {steps}" for system, steps in table)
        reason = (
            f"nothing was published for {about.system} with {about.steps} steps ({known}); set "
            f"{', '.join(f'method.{key}' for key in missing)}"
        )
        problems.found.append(Problem(f"method.{missing[0]}=null", reason))
