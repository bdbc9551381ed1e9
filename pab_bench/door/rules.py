"""From what the user says to broadcast, to a method for the transformer at hand."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import yaml

from pab_bench.config.checks import check_window
from pab_bench.config.model_choice import KeyedMlp
from pab_bench.config.paths import CONF
from pab_bench.engine.kinds import BROADCAST_OBJECTS
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError
from pab_bench.methods.base import Facts, Method
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.pab_keys import PAB, rules_of_keys
from pab_bench.methods.rules import Rules
from pab_bench.methods.windows import SaidWindow
from pab_bench.problems import Problems

Windows = Mapping[str, SaidWindow]


def method_of(rules: PAB | Rules | Method, architecture: Architecture) -> Method:
    """Make the method; what has no effect on this transformer is a warning.

    Args:
        rules: the keys of the PAB document, whose missing windows are the system's; rules, which
            say everything; or a method.
        architecture: of the transformer.

    Raises:
        ConfigError: with everything in `rules` that cannot be meant.
    """
    if isinstance(rules, PAB):
        return _of_keys(rules, architecture)
    if isinstance(rules, Rules):
        return PyramidAttentionBroadcast(rules)
    if callable(getattr(rules, "plan", None)) and hasattr(rules, "broadcast_object"):
        return rules
    hint = "; keys of PAB are given as PAB(**keys)" if isinstance(rules, Mapping) else ""
    raise ConfigError(f"rules: expected PAB, Rules or a method, got {type(rules).__name__}{hint}")


def checked_plan(method: Method, facts: Facts) -> Plan:
    """Make the plan of a video.

    Raises:
        ConfigError: if no timestep lies within a window, so that a rule would do nothing unnoticed.
    """
    rules = getattr(method, "rules", None)
    if isinstance(rules, Rules):
        _warn(check_window(rules, [int(timestep) for timestep in facts.timesteps]))
    plan = method.plan(facts)
    if plan is None or not plan.sites_only:
        raise ConfigError(
            f"method {method.name}: acts on more than sites, or decides while sampling, which only "
            "the command line can do: python -m pab_bench method=NAME"
        )
    return plan


def _of_keys(keys: PAB, architecture: Architecture) -> Method:
    windows, mlp = _recommended(system_of(architecture))
    problems = Problems()
    problems.choice("broadcast_object", keys.broadcast_object, BROADCAST_OBJECTS)
    rules = rules_of_keys(asdict(keys), windows, architecture.depth, problems, mlp)
    problems.raise_if_any()
    _warn(problems.notices)
    return PyramidAttentionBroadcast(rules, keys.broadcast_object or "output")


def system_of(architecture: Architecture) -> str:
    """The system that an architecture belongs to: the name of its folder."""
    return type(architecture).__module__.split(".")[-2]


@cache
def _recommended(system: str) -> tuple[Windows, Mapping[str, Any]]:
    """A system's windows, and its MLP broadcast, as its released model's configuration has them."""
    values = yaml.safe_load((CONF / "model" / f"{system}.yaml").read_text(encoding="utf-8"))
    return values["threshold"], asdict(KeyedMlp(**values.get("mlp") or {}))


def _warn(notices: Sequence[str]) -> None:
    for notice in notices:
        warnings.warn(notice, stacklevel=2)
