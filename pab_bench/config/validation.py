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

from pab_bench.broadcast.cache_options import CACHE_DEVICES, CACHE_DTYPES
from pab_bench.broadcast.rules import GapRule, KeyRule, Rules
from pab_bench.config.advise import check_advise
from pab_bench.config.ddim_trailing import ddim_trailing_timesteps
from pab_bench.config.pndm import FEWEST_STEPS, pndm_timesteps
from pab_bench.config.problems import InvalidSettings, Problem, Problems, did_you_mean, one_of, show
from pab_bench.config.rectified_flow import rectified_flow_timesteps
from pab_bench.cost.conventions import CONVENTIONS
from pab_bench.models.open_sora.sizes import check_video
from pab_bench.models.open_sora_plan import sizes as open_sora_plan_sizes
from pab_bench.tasks.registry import TASKS

DTYPES = ("float32", "float16", "bfloat16")
OFFLOADS = ("none", "model", "sequential")
BROADCAST_OBJECTS = ("output", "ungated", "scores")
ON_ERROR = ("continue", "raise")
TRACKERS = ("none", "wandb")
TRACKING_MODES = ("offline", "online", "disabled")
COSTS = {
    "speedup": True,
    "denoise_s": False,
    "flops_ratio": False,
    "reuse_share": True,
    "peak_cache_bytes": False,
}
"""What can be optimised besides metrics, and whether higher is better."""
SCHEDULES = ("ddim_leading", "ddim_trailing", "rectified_flow", "pndm")
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
    check_choice("task", values["task"], TASKS, problems)
    check_model(values["model"], problems)
    check_steps("steps", values["steps"], problems)
    if values["model"]["schedule"] == "pndm" and 1 <= (values["steps"] or 0) < FEWEST_STEPS:
        check_at_least("steps", values["steps"], FEWEST_STEPS, problems)
    check_trailing("steps", values["steps"], values["model"]["schedule"], problems)
    check_guidance("guidance", values["guidance"], problems)
    check_choice("dtype", values["dtype"], DTYPES, problems)
    check_choice("broadcast_object", values["broadcast_object"], BROADCAST_OBJECTS, problems)
    check_choice("cache.dtype", values["cache"]["dtype"], CACHE_DTYPES, problems)
    check_choice("cache.device", values["cache"]["device"], CACHE_DEVICES, problems)
    check_choice("convention", values["convention"], (*CONVENTIONS, "all"), problems)
    if values["compile"] and values["broadcast_object"] == "scores":
        problems.add(
            "compile",
            True,
            "compiled modules do not show their attention scores; set compile=false",
        )
    check_choice("on_error", values["on_error"], ON_ERROR, problems)
    check_choice("tracking.name", values["tracking"]["name"], TRACKERS, problems)
    if values["tracking"]["name"] == "wandb" and find_spec("wandb") is None:
        problems.add("tracking.name", "wandb", "needs: pip install 'pab_bench[wandb]'")
    check_choice("tracking.mode", values["tracking"]["mode"], TRACKING_MODES, problems)
    for name in values["metrics"]["names"]:
        check_choice("metrics.names", name, metrics, problems)
    cap = values["metrics"]["psnr_cap_db"]
    if not (math.isfinite(cap) and cap > 0):
        problems.add("metrics.psnr_cap_db", cap, "must be a finite number greater than 0")
    check_objectives(values["objectives"], values["metrics"]["names"], problems)
    if not _DEVICE.fullmatch(values["device"]):
        problems.add("device", values["device"], "must be auto, cpu, mps, cuda or cuda:NUMBER")
    if values["name"] is not None and not _NAME.fullmatch(values["name"]):
        problems.add("name", values["name"], "must be a folder's name of letters, digits, _ . -")
    check_distinct("seeds", values["seeds"], "at least one seed", problems)
    if any(not 0 <= seed < 2**63 for seed in values["seeds"]):
        problems.add("seeds", values["seeds"], "must be whole numbers from 0 to 2**63 - 1")
    check_at_least("measure.repeats", values["measure"]["repeats"], 1, problems)
    check_at_least("measure.warmups", values["measure"]["warmups"], 0, problems)
    for key, value in values["tape"].items():
        if not (math.isfinite(value) and value >= 0):
            problems.add(f"tape.{key}", value, "must be a finite number of at least 0 (GB)")
    check_advise(values["advise"], problems)
    texts = values["prompts"]["texts"]
    if any(not text.strip() for text in texts):
        problems.add("prompts.texts", texts, "must not contain an empty prompt")
    check_distinct("prompts.texts", texts, "at least one prompt", problems)


def check_objectives(objectives: Sequence[str], metrics: Sequence[str], problems: Problems) -> None:
    """A sweeper can optimise metrics that are measured, and what sampling costs."""
    for name in objectives:
        check_choice("objectives", name, (*metrics, *COSTS), problems)
    if len(set(objectives)) < len(objectives):
        problems.add("objectives", objectives, "must not name the same number twice")


def check_model(model: Mapping[str, Any], problems: Problems) -> None:
    """Check what `conf/model` and `model.*` overrides say."""
    for key in ("depth", "frames"):
        check_at_least(f"model.{key}", model[key], 1, problems)
    if model["schedule"] == "rectified_flow":
        found = Problems()
        check_video(model["frames"], model["height"], model["width"], found)
        problems.found += found.found
        if model["repository"] is not None:  # A mini has a size of its own.
            problems.notices += found.notices
        if not (math.isfinite(model["transform_scale"]) and model["transform_scale"] > 0):
            problems.add("model.transform_scale", model["transform_scale"], "must be above 0")
    elif model["schedule"] == "pndm":
        open_sora_plan_sizes.check_video(model["frames"], model["height"], model["width"], problems)
        if 1 <= model["steps"] < FEWEST_STEPS:
            check_at_least("model.steps", model["steps"], FEWEST_STEPS, problems)
    else:
        for key in ("height", "width"):
            if model[key] < LATENT_SCALE or model[key] % LATENT_SCALE:
                problems.add(
                    f"model.{key}", model[key], f"must be a positive multiple of {LATENT_SCALE}"
                )
    check_steps("model.steps", model["steps"], problems)
    check_trailing("model.steps", model["steps"], model["schedule"], problems)
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


def check_trailing(key: str, value: int | None, schedule: str | None, problems: Problems) -> None:
    """For some numbers of steps diffusers' trailing timesteps end with -1."""
    if schedule != "ddim_trailing" or value is None or not 1 <= value <= TRAIN_TIMESTEPS:
        return
    if ddim_trailing_timesteps(value) is None:
        fewer = next(n for n in range(value, 0, -1) if ddim_trailing_timesteps(n) is not None)
        problems.add(key, value, f"makes diffusers' scheduler end with timestep -1; take {fewer}")


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


def known_timesteps(
    schedule: str | None,
    steps: int,
    model: Mapping[str, Any] | None = None,
    dtype: str = "float32",
) -> tuple[int, ...] | None:
    """The timesteps of `steps` steps; None if only the loaded scheduler can tell.

    It is None for an impossible number of steps or an impossible video, too.

    `ddim_leading` is DDIM with leading spacing and no offset, one transformer call per step.
    `ddim_trailing` is CogVideoX's: DDIM with trailing spacing, likewise.
    `rectified_flow` is Open-Sora's, which depends on the size of the video and the dtype.
    `pndm` is Open-Sora-Plan's, with nine calls more than steps.

    Args:
        schedule: formula of the timesteps.
        steps: denoising steps.
        model: `height`, `width`, `frames` and `transform_scale`, for `rectified_flow`.
        dtype: of the model, for `rectified_flow`.

    Example:
        >>> known_timesteps("ddim_leading", 4)
        (750, 500, 250, 0)
    """
    if schedule is None or not 1 <= steps <= TRAIN_TIMESTEPS:
        return None
    if schedule == "ddim_leading":
        return tuple(TRAIN_TIMESTEPS // steps * step for step in reversed(range(steps)))
    if schedule == "ddim_trailing":
        return ddim_trailing_timesteps(steps)
    if schedule == "pndm":
        return pndm_timesteps(steps) if steps >= FEWEST_STEPS else None
    if model is None or dtype not in DTYPES:
        return None
    frames = model["frames"]
    if min(model["height"], model["width"], frames) < 1 or 2 <= frames <= 16:
        return None
    return rectified_flow_timesteps(
        steps, model["height"], model["width"], frames, model["transform_scale"], dtype
    )


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
        absent = [key.timestep for key in keys.unmatched(timesteps)]
        if absent:
            near = f" nor within {keys.max_distance} of one" if keys.max_distance else ""
            return [
                f"mlp_keys: {show(absent)} are not among the {len(timesteps)} timesteps"
                f"{_spacing(timesteps)}{near} and have no effect"
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
