"""What is checked and told of models that are taken as they come, by their checkpoint alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.problems import Problems
from pab_bench.systems.registry import SYSTEMS

FEW_STEPS = 10
"""Below that, as distilled models have it, steps differ so much that little can be reused."""


def check_any_pipeline(values: Mapping[str, Any], steps: int, problems: Problems) -> None:
    """Check what such a model cannot do, and tell what rarely helps.

    Args:
        values: the configuration as plain values.
        steps: denoising steps.
        problems: receives what is wrong, and notices.
    """
    name = values["model"]["system"]
    if name not in SYSTEMS or (system := SYSTEMS.load(name)).defaults is None:
        return
    if values["record"]["attention_maps"] and not system.token_grid:
        message = f"where in the picture a token lies is not known with model.system={name}"
        problems.add("record.attention_maps", True, message)
    for key in ("vae", "text_encoder"):
        for place in ("path", "repository"):
            if values["model"][key][place] is not None:
                message = "has no effect: a pipeline has all its parts in one folder"
                problems.add(f"model.{key}.{place}", values["model"][key][place], message)
    if values["model"]["schedule"] is not None:
        message = "must be null: timesteps are noise levels, which the loaded pipeline tells"
        problems.add("model.schedule", values["model"]["schedule"], message)
    if steps < FEW_STEPS:
        problems.notices.append(
            f"steps={steps}: with fewer than {FEW_STEPS} steps there is little to reuse, and steps "
            "differ more; record.curves shows by how much"
        )
