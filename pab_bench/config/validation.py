"""Everything about settings that can be checked before anything is loaded.

Standard library only: a wrong setting is reported within a second, not after a model is in memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from pab_bench.broadcast.rules import GapRule, KeyRule, Rules
from pab_bench.config.problems import InvalidSettings, Problem, Problems, did_you_mean, one_of, show

DTYPES = ("float32", "float16", "bfloat16")
OFFLOADS = ("none", "model", "sequential")
BROADCAST_OBJECTS = ("output", "ungated")
ON_ERROR = ("continue", "raise")
TRACKERS = ("none", "wandb")
TRACKING_MODES = ("offline", "online", "disabled")
SCHEDULES = ("ddim_leading",)
TRAIN_TIMESTEPS = 1000
LATENT_SCALE = 8
"""Frames are encoded at an eighth of their size by every supported system."""

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_REFERENCE = re.compile(r"\w+(\.\w+)*:\w+")


def check_settings(values: Mapping[str, Any], metrics: Collection[str], problems: Problems) -> None:
    """Check all settings but the rules.

    Args:
        values: the configuration as plain Python values, of the types of the schema.
        metrics: names of the metrics that there are.
        problems: receives what is wrong.
    """
    check_model(values["model"], problems)
    check_steps("steps", values["steps"], problems)
    check_guidance("guidance", values["guidance"], problems)
    check_choice("dtype", values["dtype"], DTYPES, problems)
    check_choice("broadcast_object", values["broadcast_object"], BROADCAST_OBJECTS, problems)
    check_choice("on_error", values["on_error"], ON_ERROR, problems)
    check_choice("tracking.name", values["tracking"]["name"], TRACKERS, problems)
    if values["tracking"]["name"] == "wandb" and find_spec("wandb") is None:
        problems.add("tracking.name", "wandb", "needs: pip install 'pab_bench[wandb]'")
    check_choice("tracking.mode", values["tracking"]["mode"], TRACKING_MODES, problems)
    for name in values["metrics"]["names"]:
        check_choice("metrics.names", name, metrics, problems)
    if not _DEVICE.fullmatch(values["device"]):
        problems.add("device", values["device"], "must be auto, cpu, mps, cuda or cuda:NUMBER")
    if values["name"] is not None and not _NAME.fullmatch(values["name"]):
        problems.add("name", values["name"], "must be a folder's name of letters, digits, _ . -")
    check_distinct("seeds", values["seeds"], "at least one seed", problems)
    if any(not 0 <= seed < 2**63 for seed in values["seeds"]):
        problems.add("seeds", values["seeds"], "must be whole numbers from 0 to 2**63 - 1")
    check_at_least("measure.repeats", values["measure"]["repeats"], 1, problems)
    texts = values["prompts"]["texts"]
    if any(not text.strip() for text in texts):
        problems.add("prompts.texts", texts, "must not contain an empty prompt")
    check_distinct("prompts.texts", texts, "at least one prompt", problems)


def check_model(model: Mapping[str, Any], problems: Problems) -> None:
    """Check what `conf/model` and `model.*` overrides say."""
    for key in ("depth", "frames"):
        check_at_least(f"model.{key}", model[key], 1, problems)
    for key in ("height", "width"):
        if model[key] < LATENT_SCALE or model[key] % LATENT_SCALE:
            problems.add(
                f"model.{key}", model[key], f"must be a positive multiple of {LATENT_SCALE}"
            )
    check_steps("model.steps", model["steps"], problems)
    check_guidance("model.guidance", model["guidance"], problems)
    check_choice("model.dtype", model["dtype"], DTYPES, problems)
    check_choice("model.offload", model["offload"], OFFLOADS, problems)
    check_choice("model.schedule", model["schedule"], SCHEDULES, problems)
    if not _REFERENCE.fullmatch(model["sampler"]):
        problems.add("model.sampler", model["sampler"], "must be 'package.module:Class'")
    if model["path"] is not None and not Path(model["path"]).is_dir():
        problems.add("model.path", model["path"], "is not a folder; null = the model's own source")


def check_choice(key: str, value: str | None, options: Collection[str], problems: Problems) -> None:
    """`value` must be among `options`; None means that nothing was said."""
    if value is not None and value not in options:
        hint = did_you_mean(value, options)
        problems.add(key, value, f"must be {one_of(options)}.{hint}")


def check_at_least(key: str, value: int, least: int, problems: Problems) -> None:
    """`value` must not be below `least`."""
    if value < least:
        problems.add(key, value, f"must be a whole number of at least {least}")


def check_steps(key: str, value: int | None, problems: Problems) -> None:
    """The scheduler has 1000 timesteps to choose from."""
    if value is not None and not 1 <= value <= TRAIN_TIMESTEPS:
        problems.add(key, value, f"must be a whole number from 1 to {TRAIN_TIMESTEPS}")


def check_guidance(key: str, value: float | None, problems: Problems) -> None:
    """Guidance is a finite scale; up to 1 it is off."""
    if value is not None and not (math.isfinite(value) and value >= 0):
        problems.add(key, value, "must be a finite number of at least 0 (up to 1: no guidance)")


def check_distinct(key: str, values: Sequence[object], need: str, problems: Problems) -> None:
    """There must be something, and nothing twice."""
    if not values:
        problems.add(key, values, f"must have {need}")
    repeated = [v for v in dict.fromkeys(values) if values.count(v) > 1]
    if repeated:
        problems.add(key, values, f"has the same value more than once: {show(repeated)}")


def known_timesteps(schedule: str | None, steps: int) -> tuple[int, ...] | None:
    """The timesteps of `steps` steps; None if only the loaded scheduler can tell.

    It is None for an impossible number of steps, too.

    `ddim_leading` is DDIM with leading spacing and no offset, one transformer call per step.

    Example:
        >>> known_timesteps("ddim_leading", 4)
        (750, 500, 250, 0)
    """
    if schedule != "ddim_leading" or not 1 <= steps <= TRAIN_TIMESTEPS:
        return None
    return tuple(TRAIN_TIMESTEPS // steps * step for step in reversed(range(steps)))


def check_window(rules: Rules, timesteps: Sequence[int]) -> list[str]:
    """Refuse a window in which nothing can be reused because no timestep falls into it.

    Args:
        rules: the rules of one run.
        timesteps: the scheduler's timestep at every call of the transformer.

    Returns:
        Notices about keys that have no effect.

    Raises:
        ConfigError: with the window and the timesteps' range.
    """
    found = []
    for kind, rule in _rules_by_key(rules):
        if isinstance(rule, GapRule) and rule.skip and rule.gap > 1:
            low, high = rule.threshold
            if not any(low < t < high for t in timesteps):
                found.append(
                    Problem(
                        f"{kind}_threshold={show(rule.threshold)}",
                        f"no timestep lies between {low} and {high} (both excluded): the "
                        f"{len(timesteps)} timesteps go from {max(timesteps)} to {min(timesteps)}"
                        f"{_spacing(timesteps)}",
                    )
                )
    if found:
        raise InvalidSettings(found)
    keys = rules.mlp_spatial
    if isinstance(keys, KeyRule) and keys.keys:
        absent = [key.timestep for key in keys.keys if key.timestep not in timesteps]
        if absent:
            return [
                f"mlp_keys: {show(absent)} are not among the {len(timesteps)} timesteps"
                f"{_spacing(timesteps)} and have no effect"
            ]
    return []


def _rules_by_key(rules: Rules) -> list[tuple[str, GapRule | KeyRule]]:
    return [
        ("spatial", rules.spatial),
        ("temporal", rules.temporal),
        ("cross", rules.cross),
        ("mlp", rules.mlp_spatial),
    ]


def _spacing(timesteps: Sequence[int]) -> str:
    gaps = {a - b for a, b in pairwise(timesteps)}
    return f" in steps of {gaps.pop()}" if len(gaps) == 1 else ""
