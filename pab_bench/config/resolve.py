"""From a composed configuration to settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pab_bench.broadcast.cache_options import CacheOptions
from pab_bench.config.dtype_names import with_full_names
from pab_bench.config.pab_file import merge_pab_file
from pab_bench.config.problems import InvalidSettings, Problem, Problems
from pab_bench.config.prompt_file import prompt_texts
from pab_bench.config.rules_from_config import RULE_KEYS, rules_from_config
from pab_bench.config.settings import (
    AdviseSettings,
    MeasureSettings,
    ModelSettings,
    PartSettings,
    RecordSettings,
    SampleSettings,
    Settings,
    TapeSettings,
    TrackingSettings,
)
from pab_bench.config.shared_keys import with_shared_keys
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
    values = with_full_names(values)
    prompts = prompt_texts(values["prompts"], overrides, problems)
    values = {**values, "prompts": {**values["prompts"], "texts": prompts}}
    check_settings(values, METRICS, problems)
    model = values["model"]
    keys = {key: values[key] for key in RULE_KEYS}
    pab_file = None if values["pab_file"] is None else Path(values["pab_file"])
    if pab_file is not None:
        keys = merge_pab_file(pab_file, values, values["preset"], overrides, problems)
    keys = with_shared_keys(keys, values["threshold"], values["block"], problems)
    rules = rules_from_config(keys, model["threshold"], model["depth"], problems, model["mlp"])
    steps = model["steps"] if values["steps"] is None else values["steps"]
    dtype = model["dtype"] if values["dtype"] is None else values["dtype"]
    timesteps = known_timesteps(model["schedule"], steps, model, dtype)
    if timesteps is not None:
        try:
            problems.notices += check_window(rules, timesteps)
        except InvalidSettings as error:
            problems.found += error.problems
    problems.raise_if_any()
    return Settings(
        task=values["task"],
        model=_model(model),
        method=values["method"]["name"],
        preset=values["preset"],
        prompt_set=values["prompts"]["name"],
        prompts=tuple(prompts),
        seeds=tuple(values["seeds"]),
        steps=steps,
        guidance=float(model["guidance"] if values["guidance"] is None else values["guidance"]),
        metrics=tuple(values["metrics"]["names"]),
        rules=rules,
        broadcast_object=values["broadcast_object"],
        cache=CacheOptions(**values["cache"]),
        device=values["device"],
        dtype=dtype,
        compile=values["compile"],
        deterministic=values["deterministic"],
        convention=values["convention"],
        json=None if values["json"] is None else Path(values["json"]).absolute(),
        measure=_measure(values["measure"], problems),
        tape=TapeSettings(**values["tape"]),
        sample=_sample(values["sample"]),
        objectives=tuple(values["objectives"]),
        record=RecordSettings(**values["record"]),
        results_dir=Path(values["results_dir"]).absolute(),
        name=values["name"],
        fresh=values["fresh"],
        on_error=values["on_error"],
        tracking=TrackingSettings(**values["tracking"]),
        pab_file=pab_file,
        notices=tuple(problems.notices),
        psnr_cap_db=values["metrics"]["psnr_cap_db"],
        metric_weights=values["metrics"]["weights"],
        advise=AdviseSettings(**values["advise"]),
    )


def _model(values: Mapping[str, Any]) -> ModelSettings:
    known = {key: values[key] for key in ModelSettings.__dataclass_fields__ if key in values}
    parts = {key: PartSettings(**values[key]) for key in ("vae", "text_encoder")}
    return ModelSettings(**(known | parts))


def _sample(values: Mapping[str, Any]) -> SampleSettings:
    folder = values["folder"]
    return SampleSettings(None if folder is None else Path(folder).absolute(), values["lossless"])


def _measure(values: Mapping[str, Any], problems: Problems) -> MeasureSettings:
    settings = MeasureSettings(**values)
    if settings.replay and settings.repeats > 1:
        # A replayed step would have the same time in every repeat.
        problems.notices.append(
            f"measure.repeats={settings.repeats}: nothing is replayed, all steps are timed anew"
        )
        return replace(settings, replay=False)
    return settings
