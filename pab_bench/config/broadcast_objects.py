"""Which tensor of a site is kept: what was said, or the model's own; and whether it can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.engine.kinds import BROADCAST_OBJECTS, BroadcastObject
from pab_bench.problems import Problems
from pab_bench.systems.registry import SYSTEMS


def broadcast_object_of(values: Mapping[str, Any]) -> Any:
    """What the configuration names; where it names none, the first that the model has."""
    said = values["broadcast_object"]
    return possible(values["model"]["system"])[0] if said is None else said


def possible(system: str) -> tuple[BroadcastObject, ...]:
    """The tensors that can be kept of a system's sites."""
    known = system in SYSTEMS
    return SYSTEMS.load(system).broadcast_objects if known else BROADCAST_OBJECTS


def check_broadcast_object(wanted: str, model: Mapping[str, Any], problems: Problems) -> None:
    """Check that a method keeps what the model's sites have.

    Args:
        wanted: what the method keeps; what there is not at all is reported elsewhere.
        model: the section of the configuration.
        problems: receives what is wrong.
    """
    own = possible(model["system"])
    if wanted in own or wanted not in BROADCAST_OBJECTS:
        return
    others = [name for name in SYSTEMS if wanted in SYSTEMS.load(name).broadcast_objects]
    message = (
        f"model={model['name']} keeps {' or '.join(own)} only, for its sites are whole modules; "
        f"models of {', '.join(others)} keep {wanted}, too"
    )
    problems.add("broadcast_object", wanted, message)
