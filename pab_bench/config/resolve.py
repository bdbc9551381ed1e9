"""From a composed configuration to settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pab_bench.config.pab_file import merge_pab_file
from pab_bench.config.problems import InvalidSettings, Problem, Problems
from pab_bench.config.rules_from_config import RULE_KEYS, rules_from_config
from pab_bench.config.settings import ModelSettings, RecordSettings, Settings, TrackingSettings
from pab_bench.config.validation import check_settings, check_window, known_timesteps


def resolve(cfg: DictConfig, overrides: Sequence[str] = ()) -> Settings:
    """Validate a composed configuration and fill in everything that it leaves to defaults.

    Args:
        cfg: the configuration without Hydra's own part.
        overrides: the `key=value` that led to it, to tell contradictions with a `pab_file`.

    Raises:
        ConfigError: one message with everything that is wrong.
    """
    return resolve_values(plain_values(cfg), overrides)


def plain_values(cfg: DictConfig) -> dict[str, Any]:
    """The configuration as plain Python values, interpolations resolved."""
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", None) or "configuration")
        raise InvalidSettings([Problem(key, str(error).splitlines()[0])]) from error
    return {str(key): value for key, value in dict(values).items()}  # type: ignore[arg-type]


def resolve_values(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Settings:
    """`resolve` for a configuration in plain Python values."""
    # Deferred: it needs numpy, which `--help` does not.
    from pab_bench.metrics.registry import METRICS

    problems = Problems()
    check_settings(values, METRICS, problems)
    model = values["model"]
    keys = {key: values[key] for key in RULE_KEYS}
    pab_file = None if values["pab_file"] is None else Path(values["pab_file"])
    if pab_file is not None:
        keys = merge_pab_file(pab_file, values, values["preset"], overrides, problems)
    rules = rules_from_config(keys, model["threshold"], model["depth"], problems)
    steps = model["steps"] if values["steps"] is None else values["steps"]
    timesteps = known_timesteps(model["schedule"], steps)
    if timesteps is not None:
        try:
            problems.notices += check_window(rules, timesteps)
        except InvalidSettings as error:
            problems.found += error.problems
    problems.raise_if_any()
    return Settings(
        model=ModelSettings(
            **{key: model[key] for key in ModelSettings.__dataclass_fields__ if key in model}
        ),
        method=values["method"]["name"],
        preset=values["preset"],
        prompt_set=values["prompts"]["name"],
        prompts=tuple(values["prompts"]["texts"]),
        seeds=tuple(values["seeds"]),
        steps=steps,
        guidance=float(model["guidance"] if values["guidance"] is None else values["guidance"]),
        metrics=tuple(values["metrics"]["names"]),
        rules=rules,
        broadcast_object=values["broadcast_object"],
        device=values["device"],
        dtype=model["dtype"] if values["dtype"] is None else values["dtype"],
        repeats=values["measure"]["repeats"],
        record=RecordSettings(**values["record"]),
        results_dir=Path(values["results_dir"]).absolute(),
        name=values["name"],
        fresh=values["fresh"],
        on_error=values["on_error"],
        tracking=TrackingSettings(**values["tracking"]),
        pab_file=pab_file,
        notices=tuple(problems.notices),
    )
