"""Composes a configuration from the files in `conf/` without Hydra, for programs and notebooks.

The same files, schema and checks as on the command line; what Hydra adds to them (grids, folders of
runs) is not there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pab_bench.config.describe import expected, find, is_number_for_switch, unknown_key
from pab_bench.config.paths import CONF
from pab_bench.config.resolve import plain_values, resolve_values
from pab_bench.config.resolvers import register_resolvers
from pab_bench.config.schema import SCHEMA, is_call_hint
from pab_bench.config.settings import Settings
from pab_bench.problems import InvalidSettings, Problem, did_you_mean, one_of, show

_AT_THE_ROOT = "# @package _global_"
_BRING_ALONG = ("model", "contender")
"""Groups whose options may choose options of others."""
_SHORT = {"prompts": "texts", "metrics": "names"}
"""Sections of which a list means one key."""


def compose(**overrides: Any) -> Settings:
    """Compose, validate and return settings.

    Args:
        overrides: keys with their values; a group's name with one of its options
            (`preset="pab236"`) or with a mapping of its keys; a key within a section in quotes
            (`**{"model.height": 32}`).

    Raises:
        ConfigError: one message with everything that is wrong.
    """
    register_resolvers()
    chosen, values = _apart(overrides)
    config = copy.deepcopy(_composed(frozenset(chosen.items()), _stamps()))
    lines = [f"{key}={show(value)}" for key, value in values.items()]
    problems = [p for key, value in values.items() if (p := _set(config, key, value)) is not None]
    if problems:
        raise InvalidSettings(problems)
    return resolve_values(plain_values(config), lines)


@lru_cache(maxsize=32)
def _composed(
    chosen: frozenset[tuple[str, str]], stamps: tuple[tuple[str, int], ...]
) -> DictConfig:
    """The files' values with these options of groups, which takes longer than all the rest.

    Args:
        chosen: groups with their options.
        stamps: `_stamps()`: files that were edited are read again.
    """
    config: DictConfig = OmegaConf.structured(SCHEMA)
    main = OmegaConf.load(CONF / "config.yaml")
    assert isinstance(main, DictConfig)
    defaults = main.pop("defaults")
    main.pop("hydra")
    config.merge_with(main)
    for group, option in _options_of(defaults, dict(chosen)).items():
        config.merge_with(_option(group, option))
    return config


def _stamps() -> tuple[tuple[str, int], ...]:
    """Each file and when it was changed, in nanoseconds."""
    return tuple((str(p), p.stat().st_mtime_ns) for p in sorted(CONF.rglob("*.yaml")))


def options(group: str) -> list[str]:
    """The options of a group: the files in its folder."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def read_option(group: str, name: str) -> dict[str, Any]:
    """Read one option of a group as plain values, with what its defaults list names."""
    content = _content(group, name)
    inherited: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            inherited |= read_option(group, entry)
    own = OmegaConf.to_container(content)
    return inherited | {str(key): value for key, value in dict(own).items()}  # type: ignore[arg-type]


def _content(group: str, name: str) -> DictConfig:
    path = CONF / group / f"{name}.yaml"
    return copy.deepcopy(_read(path, path.stat().st_mtime_ns))


@lru_cache(maxsize=256)
def _read(path: Path, stamp: int) -> DictConfig:
    content = OmegaConf.load(path)
    assert isinstance(content, DictConfig)
    return content


def _options_of(defaults: Iterable[Any], chosen: dict[str, str]) -> dict[str, str]:
    """The option of every group; those that were chosen are taken out of `chosen`."""
    usual = {
        str(group): str(option)
        for entry in defaults
        if OmegaConf.is_dict(entry)
        for group, option in entry.items()
        if "/" not in group  # Hydra's own.
    }
    own = {group: chosen.pop(group) for group in usual if group in chosen}
    brought: dict[str, str] = {}
    for group in _BRING_ALONG:
        name = own.get(group, usual[group])
        brought |= _brought_along(group, name) if name in options(group) else {}
    return usual | brought | own


def _brought_along(group: str, name: str) -> dict[str, str]:
    """The options of other groups that an option comes with, such as prompts that a model knows."""
    found: dict[str, str] = {}
    for entry in _content(group, name).get("defaults", []):
        if OmegaConf.is_dict(entry):
            for place, option in entry.items():
                found[place.removeprefix("override /").partition("@")[0]] = str(option)
        elif entry != "_self_":
            found |= _brought_along(group, str(entry))
    return found


def _apart(overrides: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """The options of groups, and the values of dotted keys."""
    chosen: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, value in overrides.items():
        if isinstance(value, str) and (CONF / key).is_dir():
            chosen[key] = value
        elif isinstance(value, Mapping) and not _is_call(key):
            values |= {f"{key}.{inner}": entry for inner, entry in value.items()}
        elif key in _SHORT and isinstance(value, Sequence):
            values[f"{key}.{_SHORT[key]}"] = list(value)
        else:
            values[key] = value
    return chosen, values


def _is_call(key: str) -> bool:
    """Whether a mapping is the value of a key, and no section."""
    try:
        return is_call_hint(find(key))
    except LookupError:
        return False


def _option(group: str, name: str) -> dict[str, Any]:
    known = options(group)
    if name not in known:
        hint = did_you_mean(name, known)
        raise InvalidSettings([Problem(f"{group}={name}", f"must be {one_of(known)}.{hint}")])
    content = read_option(group, name)
    head = (CONF / group / f"{name}.yaml").read_text(encoding="utf-8")
    return content if head.startswith(_AT_THE_ROOT) else {group: content}


def _set(config: DictConfig, key: str, value: Any) -> Problem | None:
    shown = f"{key}={show(value)}"
    try:
        find(key)
    except LookupError as error:
        return Problem(shown, unknown_key(error, []))
    try:
        if is_number_for_switch(key, value):
            raise OmegaConfBaseException
        plain = list(value) if isinstance(value, tuple) else value
        OmegaConf.update(config, key, plain, merge=True)
    except OmegaConfBaseException:
        return Problem(shown, f"must be {expected(key)}")
    return None
