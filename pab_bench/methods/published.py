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


def published_at_any_steps(method: object, table: Published, about: About) -> dict[str, Any]:
    """Take what was published for a system, with any number of steps, of the keys that are null.

    For constants that upstream uses with other numbers of steps, too; see `tell_other_use`.

    Args:
        method: has the keys as attributes.
        table: what was published, for one number of steps of each system.
        about: the sampling.
    """
    known = _of_system(table, about.system)[1]
    return {key: value for key, value in known.items() if getattr(method, key) is None}


def refuse_unpublished_system(
    method: Any, key: str, table: Published, about: About, problems: Problems, how: str
) -> None:
    """Note that a key is still null.

    Args:
        method: has it as an attribute.
        key: which.
        table: what was published.
        about: the sampling.
        problems: receives it.
        how: where else it may be from.
    """
    if getattr(method, key) is None:
        known = ", ".join(system for system, _ in table)
        reason = f"nothing was published for {about.system} ({known}); set method.{key}, or: {how}"
        problems.found.append(Problem(f"method.{key}=null", reason))


def tell_other_use(
    method: Any, key: str, table: Published, about: About, problems: Problems
) -> None:
    """Note that a published constant is used with other steps, or a model, than it was made for.

    The released models have the names of their systems.

    Args:
        method: has it as an attribute.
        key: which.
        table: what was published.
        about: the sampling.
        problems: receives the notice.
    """
    steps, known = _of_system(table, about.system)
    if known.get(key) is None or known[key] != getattr(method, key):
        return
    others = [] if steps == about.steps else [f"here are {about.steps} steps"]
    if about.model not in (None, about.system):
        others.append(f"{about.model} is another model")
    if others:
        problems.notices.append(
            f"method.{key}: as published for {about.system} with {steps} steps; "
            f"{', and '.join(others)}"
        )


def _of_system(table: Published, system: str) -> tuple[int | None, Mapping[str, Any]]:
    """The published number of steps of a system, and the values by key."""
    found = ((steps, values) for (name, steps), values in table.items() if name == system)
    return next(found, (None, {}))
