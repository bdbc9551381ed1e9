"""The scale of guidance of a pipeline: an argument of its call, or a setting of its guider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.call_names import CallNames

SCALE = "guidance_scale"
OFF = 1.0


def usual_guidance(call: CallNames, guider: Mapping[str, Any] | None) -> float:
    """The scale that a pipeline has where it is not told one; 1, which is none, if it has none.

    Args:
        call: what its `__call__` takes.
        guider: the configuration of its guider, if it has one.
    """
    scale = call.defaults.get(SCALE) if call.has(SCALE) else (guider or {}).get(SCALE)
    return float(scale) if isinstance(scale, int | float) else OFF


def guidance_arguments(pipeline: Any, call: CallNames, guidance: float) -> dict[str, float]:
    """What the pipeline's call is given of the scale; a guider is set to it instead.

    Raises:
        ConfigError: if a pipeline without such a scale is to have one.
    """
    if call.has(SCALE):
        return {SCALE: guidance}
    guider = getattr(pipeline, "guider", None)
    if guider is not None and SCALE in guider.config:
        if guider.config[SCALE] != guidance:
            pipeline.guider = guider.new(**{SCALE: guidance})
    elif guidance != OFF:
        name = type(pipeline).__name__
        raise ConfigError(f"guidance={guidance}: {name} has no scale of guidance; leave it at null")
    return {}
