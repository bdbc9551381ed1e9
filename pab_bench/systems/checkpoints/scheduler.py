"""Whether a part's `scheduler_config.json` describes the scheduler that a system samples with."""

from __future__ import annotations

from typing import Any

import torch

from pab_bench.systems.checkpoints.construct import defaults_of
from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.values import why_not_meant

CONFIG = "scheduler_config.json"
_CHOICES = {
    "beta_schedule": ("linear", "scaled_linear", "squaredcos_cap_v2"),
    "prediction_type": ("epsilon", "sample", "v_prediction"),
    "timestep_spacing": ("leading", "trailing", "linspace"),
}
"""Of diffusers' schedulers, which look at some of them only while sampling."""


def load_scheduler(part: Part, kind: Any) -> Any:
    """Make the scheduler of a part.

    Raises:
        CheckpointRefused: if its file is damaged, or describes another class or no scheduler.
    """
    try:
        config = read_object(part.folder / CONFIG)
    except ValueError as error:
        raise part.refused(CONFIG, error) from error
    named = config.get("_class_name", kind.__name__)
    if named != kind.__name__:
        why = "so that timesteps are known and the seed alone determines a video"
        raise part.refused(CONFIG, f"_class_name={named!r}: must be {kind.__name__}, {why}")
    wrong = why_not_meant(config, defaults_of(kind)) or _no_choice(config)
    if wrong is not None:
        raise part.refused(CONFIG, wrong)
    try:
        scheduler = kind.from_config(config)
    except Exception as error:  # What a constructor raises for wrong numbers is not listed.
        reason = f"describes no {kind.__name__}: {type(error).__name__}: {error}"
        raise part.refused(CONFIG, reason) from error
    for name in ("betas", "alphas_cumprod"):
        shares = torch.as_tensor(getattr(scheduler, name, 0.0))
        if not bool(((shares >= 0) & (shares <= 1)).all()):  # Neither is NaN.
            reason = f"beta_start, beta_end or trained_betas: {name} leaves 0 to 1"
            raise part.refused(CONFIG, reason)
    return scheduler


def _no_choice(config: dict[str, Any]) -> str | None:
    for key, allowed in _CHOICES.items():
        if key in config and config[key] not in allowed:
            return f"{key}={config[key]!r}: must be one of {', '.join(allowed)}"
    return None
