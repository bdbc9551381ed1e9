"""Reads the YAML of the PAB document, and the files that PAB's authors published, as they stand."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from pab_bench.config.describe import expected, find, is_number_for_switch
from pab_bench.config.paths import CONF
from pab_bench.config.schema import is_window_hint, schema_of
from pab_bench.config.text_file import NotText, read_text
from pab_bench.config.upstream_names import OUR_KEYS, SAME_KEYS, SAMPLING_KEYS
from pab_bench.config.yaml_growth import refuse_growth
from pab_bench.methods.pab_keys import PAB, RULE_KEYS
from pab_bench.methods.windows import is_window
from pab_bench.problems import Problems, did_you_mean, show

_MOST_BYTES = 100_000
_SHOWN = 200
"""Characters of a message of the parser."""
_SHOWN_VALUE = 60


def read_pab_file(path: Path, problems: Problems) -> dict[str, Any]:
    """The keys that the file sets, of the types of the schema.

    Args:
        path: a YAML file with some of `RULE_KEYS`, or of their names in `SAME_KEYS`; those of
            `SAMPLING_KEYS` may stand beside them.
        problems: receives unknown keys and wrong types; such keys are left out of the result. Its
            notices receive the keys that were passed over.
    """
    try:
        text = read_text(path, _MOST_BYTES)
        refuse_growth(text, aliases=len(RULE_KEYS))
        content = OmegaConf.to_container(OmegaConf.load(io.StringIO(text)))
    except NotText as error:
        problems.add("pab_file", path, str(error))
        return {}
    except OSError:  # OmegaConf's word for YAML that is neither a mapping nor a list.
        content = [text]
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        problems.add("pab_file", path, f"is not valid YAML: {reason[:_SHOWN]}")
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
    values, passed_over = _values(path, content, problems)
    if passed_over and values:
        names = ", ".join(passed_over)
        problems.notices.append(
            f"pab_file={path}: keys of upstream's sampling are passed over: {names}; model, steps, "
            "guidance, prompts and seeds are what the other settings say"
        )
    elif passed_over:
        problems.add("pab_file", path, "has keys of upstream's sampling, but none of PAB")
    return values


def _values(
    path: Path, content: Mapping[Any, Any], problems: Problems
) -> tuple[dict[str, Any], list[str]]:
    """The values by our names of the keys, and the keys that are not about broadcasting."""
    typed = OmegaConf.structured(schema_of(PAB))
    values: dict[str, Any] = {}
    written: dict[str, str] = {}
    passed_over: list[str] = []
    for name, value in content.items():
        said = name if isinstance(name, str) else repr(name)
        key = SAME_KEYS.get(said, said)
        if key not in RULE_KEYS:
            if said in SAMPLING_KEYS:
                passed_over.append(said)
                continue
            known = OUR_KEYS.get(said)
            hint = f" Write {known}." if known in RULE_KEYS else did_you_mean(key, RULE_KEYS)
            where = f"{path}: {said[:_SHOWN_VALUE]}"
            problems.add(where, _short(value), f"is not a key of PAB.{hint}")
            continue
        if key in written:
            both = f"is the same key as {written[key]}, which the file has, too; remove one of them"
            problems.add(f"{path}: {said}", _short(value), both)
            continue
        written[key] = said
        try:
            if is_number_for_switch(key, value) or not _may_be_window(key, value):
                raise ValidationError
            typed[key] = value
            given = typed[key]
        except OmegaConfBaseException:
            problems.add(f"{path}: {said}", _short(value), f"must be {expected(key)}")
            continue
        values[key] = list(given) if OmegaConf.is_list(given) else given
    return values, passed_over


def _may_be_window(key: str, value: object) -> bool:
    """Whether a value has the form of a window, where the key takes one."""
    return not is_window_hint(find(key)) or value is None or is_window(value)


def _short(value: object) -> str:
    shown = show(value)
    return shown if len(shown) <= _SHOWN_VALUE else f"{shown[:_SHOWN_VALUE]}..."


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
