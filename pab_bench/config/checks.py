"""What only several settings together can get wrong.

A section checks itself when it is made (`sections`, `settings`, `model_choice`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from pab_bench.config.paths import CONF
from pab_bench.methods.rules import GapRule, KeyRule, Rules
from pab_bench.methods.windows import FlatPart, StepShare, inside, window_text
from pab_bench.problems import InvalidSettings, Problem, Problems, show
from pab_bench.systems.timesteps.known import check_steps

COSTS = {
    "speedup": True,
    "denoise_s": False,
    "flops_ratio": False,
    "reuse_share": True,
    "peak_cache_bytes": False,
}
"""What can be optimised besides metrics, and whether higher is better."""


FEWEST_STEPS_OF_A_CURVE = 10
"""Shorter ones have no flat part that could be told from chance."""


@cache
def task_names() -> tuple[str, ...]:
    """What can be done with a configuration: the files in conf/task."""
    return tuple(sorted(path.stem for path in (CONF / "task").glob("*.yaml")))


def check_together(values: Mapping[str, Any], metrics: Collection[str], problems: Problems) -> None:
    """Check what depends on the model, on other settings or on what there is.

    Args:
        values: the configuration as plain Python values, of the types of the schema.
        metrics: names of the metrics that there are.
        problems: receives what is wrong.
    """
    problems.choice("task", values["task"], task_names())
    check_steps("steps", values["steps"], values["model"]["schedule"], problems)
    if values["compile"] and values["broadcast_object"] == "scores":
        problems.add(
            "compile",
            True,
            "compiled modules do not show their attention scores; set compile=false",
        )
    if values["method"].get("name") == "external" and values["measure"]["parts"]:
        message = "parts of somebody else's acceleration cannot be timed; set measure.parts=false"
        problems.add("measure.parts", True, message)
    offload = values["model"]["offload"]
    if offload in ("model", "sequential") and values["device"] == "cpu":
        problems.add("model.offload", offload, "needs a GPU, device is cpu; use none")
    measured = values["metrics"]["names"]
    for name in measured:
        problems.choice("metrics.names", name, metrics)
    objectives = values["objectives"]
    for name in objectives:
        problems.choice("objectives", name, (*measured, *COSTS))
    if not values["speed"]["calls"]:
        for name in {"speedup", "denoise_s"}.intersection(objectives):
            problems.add("objectives", name, "needs speed.calls=true")
    if len(set(map(str, objectives))) < len(objectives):
        problems.add("objectives", objectives, "must not name the same number twice")
    if not values["results_dir"].strip():
        problems.add("results_dir", values["results_dir"], "must be a folder")


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
        if not isinstance(rule, GapRule) or not rule.skip or rule.gap == 1:
            continue
        window = rule.threshold
        if isinstance(window, FlatPart) or any(inside(window, timesteps)):
            continue
        if isinstance(window, StepShare):
            found.append(_no_step(kind, window, len(timesteps)))
            continue
        low, high = window
        found.append(
            Problem(
                f"{kind}_threshold={window_text(window)}",
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


def check_shares(rules: Rules, steps: int) -> None:
    """Refuse shares of the steps in which no step lies, and curves that are too short for `auto`.

    Args:
        rules: the rules of one run.
        steps: denoising steps.

    Raises:
        InvalidSettings: with the window and the number of steps.
    """
    found = []
    for kind, rule in _rules_by_key(rules):
        if not isinstance(rule, GapRule) or not rule.skip or rule.gap == 1:
            continue
        window = rule.threshold
        if isinstance(window, StepShare) and not any(inside(window, range(steps))):
            found.append(_no_step(kind, window, steps))
        elif isinstance(window, FlatPart) and steps < FEWEST_STEPS_OF_A_CURVE:
            message = (
                f"a curve of {steps} steps is too short to find its flat part: steps must be at "
                f"least {FEWEST_STEPS_OF_A_CURVE}; or give the window, [low,high] or steps:[.1,.6]"
            )
            found.append(Problem(f"{kind}_threshold=auto", message))
    if found:
        raise InvalidSettings(found)


def _no_step(kind: str, window: StepShare, steps: int) -> Problem:
    message = (
        f"no step lies in it: of {steps} steps, step i (from 0) lies in it if {window.low:g} <= "
        f"i / {steps} < {window.high:g}"
    )
    return Problem(f"{kind}_threshold={window}", message)


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
