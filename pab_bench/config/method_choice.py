"""From `conf/method` and the keys at the root to the acceleration method."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pab_bench.config.broadcast_objects import broadcast_object_of
from pab_bench.config.describe import expected_of, is_number_for_switch_of
from pab_bench.config.schema import is_call_hint, schema_of
from pab_bench.config.section import section
from pab_bench.methods.base import About, Method
from pab_bench.methods.combined import Combined
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.pab_keys import PAB, RULE_KEYS
from pab_bench.methods.registry import METHODS
from pab_bench.methods.rules import Rules
from pab_bench.problems import Problem, Problems, did_you_mean, show
from pab_bench.systems.registry import SYSTEMS


def checked_method(method: Method, about: About, problems: Problems) -> Method:
    """Check that a method can act on a system and that its settings hold for it, and fill them in.

    Args:
        method: the method.
        about: what is to be sampled.
        problems: receives what is wrong.
    """
    carries = SYSTEMS.load(about.system).carries if about.system in SYSTEMS else {"sites"}
    missing = sorted(method.needs - carries)
    setting = f"method={method.name}"
    if missing:
        able = [name for name in SYSTEMS if method.needs <= SYSTEMS.load(name).carries]
        reason = (
            f"acts on {_PLACES[missing[0]]}, which model.system={about.system} does not tell; "
            f"{', '.join(able)} do"
        )
        problems.found.append(Problem(setting, reason))
    if "rows" in method.needs and not about.guided:
        reason = "leaves out a half of the guidance batch, and without guidance there is none"
        problems.found.append(Problem(setting, reason))
    method = method.filled(about)
    method.check(about, problems)
    return method


_PLACES = {
    "sites": "attention and MLPs",
    "stack": "the blocks in their order",
    "call": "whole calls of the transformer",
    "rows": "halves of the guidance batch in one call",
    "modulation": "the modulated input of the first self-attention",
    "sigmas": "the part of noise in the latents of flow matching",
}


def method_of(values: Mapping[str, Any], rules: Rules, problems: Problems) -> Method:
    """Make the method that the configuration chooses.

    The keys of `pab` stand at the root, as in the PAB document; those of any other method in its
    own section, `method.KEY`.

    Args:
        values: the configuration as plain values.
        rules: what the keys of PAB mean.
        problems: receives what is wrong; the method is then of no use.
    """
    given = dict(values["method"])
    inside = given.pop("inside", None)
    if inside is None:
        return _one(given, values, rules, problems)
    inner_keys = {"name": inside} if isinstance(inside, str) else inside
    if not isinstance(inner_keys, Mapping) or not isinstance(inner_keys.get("name"), str):
        message = "must be the name of a method, or its keys such as {name:fora,interval:2}"
        problems.add("method.inside", inside, message)
        return _one(given, values, rules, problems)
    inner_name = inner_keys["name"]
    before = len(problems.found)
    problems.choice("method.inside", inner_name, METHODS)
    inner = _one(inner_keys, values, rules, problems)
    # Keys of PAB have an effect if it is inside.
    beside = {**values, **_usual_keys()} if inner_name == "pab" else values
    outer = _one(given, beside, rules, problems)
    if len(problems.found) > before or isinstance(outer, PyramidAttentionBroadcast):
        return outer
    return Combined(outer, inner)


def _usual_keys() -> dict[str, Any]:
    usual = PAB()
    keys = {key: getattr(usual, key) for key in (*RULE_KEYS, "broadcast_object")}
    return {**keys, "preset": "none"}


def _one(
    section_values: Mapping[str, Any], values: Mapping[str, Any], rules: Rules, problems: Problems
) -> Method:
    """The method of one section of the configuration, without what is inside of it."""
    name = section_values["name"]
    problems.choice("method.name", name, METHODS)
    own = {key: value for key, value in section_values.items() if key != "name"}
    pab = PyramidAttentionBroadcast(rules, broadcast_object_of(values))
    if name not in METHODS:
        return pab
    kind = METHODS.load(name)
    if kind is PyramidAttentionBroadcast:
        for key, value in own.items():
            problems.add(f"method.{key}", value, "pab has its keys at the root: write them there")
        return pab
    _refuse_keys_of_pab(name, values, problems)
    before = len(problems.found)
    typed = _typed(kind, own, problems)
    made = section(kind, typed, problems) if len(problems.found) == before else None
    return pab if made is None else made


def _refuse_keys_of_pab(name: str, values: Mapping[str, Any], problems: Problems) -> None:
    """What is said of PAB beside another method would have no effect."""
    message = f"is a key of method=pab and has no effect with method={name}; remove it"
    if values["preset"] != "none":
        problems.add("preset", values["preset"], message)
        return
    usual = PAB()
    for key in (*RULE_KEYS, "broadcast_object"):
        if values[key] != getattr(usual, key):
            problems.add(key, values[key], message)


def _typed(kind: type[Any], given: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    schema: Any = schema_of(cast("Hashable", kind))
    config = OmegaConf.structured(schema)
    known = {entry.name: entry for entry in fields(kind)}
    hints = schema.__annotations__
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known)
            message = f"there is no key {key!r} in method ({', '.join(known)}).{hint}"
            problems.found.append(Problem(f"method.{key}={show(value)}", message))
            continue
        if is_call_hint(hints[key]) and not isinstance(value, Mapping | None):
            problems.add(f"method.{key}", value, "must be a mapping such as {name:value}, or null")
            continue
        try:
            if is_number_for_switch_of(hints[key], value):
                raise OmegaConfBaseException
            config[key] = value
        except OmegaConfBaseException:
            problems.add(f"method.{key}", value, f"must be {expected_of(hints[key])}")
    plain: Any = OmegaConf.to_container(config)
    return {str(key): plain[key] for key in given if key in known}
