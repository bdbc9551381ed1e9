"""The shift of a flow-matching schedule: how far its steps are stretched towards noise."""

from __future__ import annotations

from typing import Any

from pab_bench.problems import InvalidSettings, Problem, show


def set_flow_shift(pipeline: Any, shift: float) -> None:
    """Give a pipeline its own scheduler with another shift s: sigma = s u / (1 + (s - 1) u).

    Args:
        pipeline: a diffusers pipeline.
        shift: above 0; 1 is none.

    Raises:
        InvalidSettings: if its scheduler has none, or works it out from the size of the video.
    """
    scheduler = pipeline.scheduler
    name, config = type(scheduler).__name__, scheduler.config
    key = next((own for own in ("flow_shift", "shift") if own in config), None)
    if config.get("use_dynamic_shifting"):
        reason = f"{name} works it out from the size of the video; take null"
    elif key is None or (key == "flow_shift" and not config.get("use_flow_sigmas")):
        reason = f"{name} has none; take null"
    else:
        pipeline.scheduler = type(scheduler).from_config(config, **{key: shift})
        return
    raise InvalidSettings([Problem(f"model.flow_shift={show(shift)}", reason)])
