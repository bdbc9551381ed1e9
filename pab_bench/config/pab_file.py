"""Reads the YAML of the PAB document as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from pab_bench.config.describe import expected, is_number_for_switch
from pab_bench.config.paths import CONF
from pab_bench.config.schema import schema_of
from pab_bench.methods.pab_keys import PAB, RULE_KEYS
from pab_bench.problems import Problems, did_you_mean, show

_MOST_BYTES = 100_000


def read_pab_file(path: Path, problems: Problems) -> dict[str, Any]:
    """The keys that the file sets, of the types of the schema.

    Args:
        path: a YAML file with some of `RULE_KEYS`.
        problems: receives unknown keys and wrong types; such keys are left out of the result.
    """
    try:
        _refuse_what_grows(path)
        content = OmegaConf.to_container(OmegaConf.load(path))
    except OSError as error:
        problems.add("pab_file", path, f"cannot be read: {error.strerror or error}")
        return {}
    except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        problems.add("pab_file", path, f"is not valid YAML: {' '.join(str(error).split())}")
        return {}
    except RecursionError:
        problems.add("pab_file", path, "is nested too deeply for a list of keys")
        return {}
    if not content:
        problems.add("pab_file", path, "has no key; remove pab_file, or write 'spatial_gap: 2'")
        return {}
    if not isinstance(content, dict):
        problems.add("pab_file", path, "must contain lines such as 'spatial_gap: 2'")
        return {}
    typed = OmegaConf.structured(schema_of(PAB))
    values: dict[str, Any] = {}
    for name, value in content.items():
        key = name if isinstance(name, str) else repr(name)
        if key not in RULE_KEYS:
            hint = did_you_mean(key, RULE_KEYS)
            problems.add(f"{path}: {key}", value, f"is not a key of PAB.{hint}")
            continue
        try:
            if is_number_for_switch(key, value):
                raise ValidationError
            typed[key] = value
            given = typed[key]
        except OmegaConfBaseException:
            problems.add(f"{path}: {key}", value, f"must be {expected(key)}")
            continue
        values[key] = list(given) if OmegaConf.is_list(given) else given
    return values


def _refuse_what_grows(path: Path) -> None:
    """Aliases of aliases make a file of a few lines larger than the memory; no key needs many.

    Raises:
        YAMLError: if there are more than a list of keys can need.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise yaml.YAMLError(f"larger than {_MOST_BYTES} bytes")
    with path.open("rb") as file:
        aliases = 0
        for event in yaml.parse(file, Loader=yaml.SafeLoader):
            aliases += isinstance(event, yaml.AliasEvent)
            if aliases > len(RULE_KEYS):
                raise yaml.YAMLError(f"more than {len(RULE_KEYS)} aliases")


def merge_pab_file(
    path: Path,
    values: Mapping[str, Any],
    preset: str,
    overrides: Sequence[str],
    problems: Problems,
) -> dict[str, Any]:
    """The rule keys of the configuration with those of the file.

    A key that both set, to different values, is a contradiction: which one is meant?

    Args:
        path: the file.
        values: all of `RULE_KEYS`, as configured.
        preset: name of the preset among the overrides' or defaults' choices.
        overrides: the command line's `key=value`.
        problems: receives contradictions, and what is wrong with the file.
    """
    merged = {key: values[key] for key in RULE_KEYS}
    for key, value in read_pab_file(path, problems).items():
        source = _source(key, values[key], preset, overrides)
        if source is not None and value != values[key]:
            problems.add(
                key,
                values[key],
                f"({source}) contradicts {key}: {show(value)} in {path}; remove one of them",
            )
        merged[key] = value
    return merged


def _source(key: str, value: object, preset: str, overrides: Sequence[str]) -> str | None:
    """Who has set the key; None if it has its default."""
    if any(o.lstrip("+").partition("=")[0] == key for o in overrides):
        return "command line"
    file = CONF / "preset" / f"{preset}.yaml"
    if file.is_file() and key in OmegaConf.load(file):
        return f"preset={preset}"
    return None if value == getattr(PAB(), key) else "configuration"
