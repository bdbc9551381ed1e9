"""From a composed configuration to settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pab_bench.config.alternatives import alternatives_of
from pab_bench.config.any_pipeline import check_any_pipeline
from pab_bench.config.broadcast_objects import check_broadcast_object
from pab_bench.config.checks import check_shares, check_together, check_window
from pab_bench.config.dtype_names import with_full_names
from pab_bench.config.method_choice import checked_method, method_of
from pab_bench.config.model_choice import ModelChoice
from pab_bench.config.model_defaults import with_model_defaults
from pab_bench.config.pab_file import merge_pab_file
from pab_bench.config.prompt_file import prompt_texts
from pab_bench.config.prompt_images import check_images
from pab_bench.config.schema import Chosen
from pab_bench.config.section import section
from pab_bench.config.sections import MeasureSettings, MetricChoice, PromptChoice
from pab_bench.config.settings import Settings, Switches
from pab_bench.config.shared_keys import with_shared_keys
from pab_bench.config.sharing import check_sharing
from pab_bench.config.typed import wrong_types
from pab_bench.errors import first_line
from pab_bench.methods.base import About, Method
from pab_bench.methods.calibration_file import model_label
from pab_bench.methods.pab_keys import RULE_KEYS, rules_of_keys
from pab_bench.methods.rules import Rules
from pab_bench.problems import InvalidSettings, Problem, Problems, show
from pab_bench.systems.registry import SYSTEMS
from pab_bench.systems.timesteps.known import known_timesteps


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
        message = first_line(error)
        if key.startswith("prompts."):
            message += "; ${ in a text is written \\${"
        raise InvalidSettings([Problem(f"{key}{_as_written(cfg, key)}", message)]) from error
    return {str(key): value for key, value in dict(values).items()}  # type: ignore[arg-type]


def _as_written(cfg: DictConfig, key: str) -> str:
    """`=` and the value of a key with its interpolations as they stand, where there is one."""
    value: Any = OmegaConf.to_container(cfg, resolve=False)
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else f"={show(value)}"


def resolve_values(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Settings:
    """`resolve` for a configuration in plain Python values."""
    # Deferred: it needs numpy, which `--help` does not.
    from pab_bench.metrics.registry import METRICS

    problems = Problems(found=list(wrong_types(values)))
    problems.raise_if_any()
    values = with_model_defaults(with_full_names(values))
    texts = prompt_texts(values["prompts"], overrides, problems)
    switches = section(Switches, values, problems)
    model = section(ModelChoice, values["model"], problems)
    prompts = section(PromptChoice, {**values["prompts"], "texts": texts}, problems)
    metrics = section(MetricChoice, values["metrics"], problems)
    section(Chosen, values, problems)
    check_together(values, METRICS, problems)
    rules = _rules(values, overrides, problems)
    method = method_of(values, rules, problems)
    check_broadcast_object(method.broadcast_object, values["model"], problems)
    steps = values["model"]["steps"] if values["steps"] is None else values["steps"]
    check_any_pipeline(values, steps, problems)
    check_images(texts, values["prompts"]["file"], values["model"], problems)
    dtype = values["model"]["dtype"] if values["dtype"] is None else values["dtype"]
    alternatives: tuple[tuple[Method, ...], ...] = ()
    timesteps = known_timesteps(values["model"]["schedule"], steps, values["model"], dtype)
    if model is not None and steps is not None:
        guidance = model.guidance if values["guidance"] is None else values["guidance"]
        about = About(
            model.system,
            steps,
            None if timesteps is None else len(timesteps),
            model.depth,
            model.schedule,
            guidance > 1,
            model_label(model.name, model.random_weights),
            float(guidance),
            tuple(texts),
            () if timesteps is None else tuple(timesteps),
            (model.frames, model.height, model.width),
            values["task"] == "calibrate",
            blocks=_blocks(model),
        )
        method = checked_method(method, about, problems)
        if values["task"] == "advise" and switches is not None:
            alternatives = alternatives_of(switches.advise.methods, about, problems)
        check_sharing(values, guidance, problems)
    try:
        check_shares(rules, steps)
        if timesteps is not None:
            problems.notices += check_window(rules, timesteps)
    except InvalidSettings as error:
        problems.found += error.problems
    problems.raise_if_any()
    assert switches is not None and model is not None and prompts is not None  # noqa: PT018
    assert metrics is not None
    measure = _measure(switches.measure, problems)
    own = {entry.name: getattr(switches, entry.name) for entry in fields(Switches)}
    return Settings(
        **{**own, "measure": measure},
        model=model.settings(),
        method=method,
        alternatives=alternatives,
        prompts=prompts.texts,
        steps=steps,
        guidance=float(model.guidance if values["guidance"] is None else values["guidance"]),
        dtype=dtype,
        metrics=metrics.names,
        psnr_cap_db=metrics.psnr_cap_db,
        metric_weights=metrics.weights,
        notices=(*model.notices(), *problems.notices),
        overrides=tuple(overrides),
    )


def _rules(values: Mapping[str, Any], overrides: Sequence[str], problems: Problems) -> Rules:
    keys = {key: values[key] for key in RULE_KEYS}
    if values["pab_file"] is not None:
        file = Path(values["pab_file"])
        keys = merge_pab_file(file, values, values["preset"], overrides, problems)
    keys = with_shared_keys(keys, values["threshold"], values["block"], problems)
    model = values["model"]
    return rules_of_keys(keys, model["threshold"], model["depth"], problems, model["mlp"])


def _blocks(model: ModelChoice) -> int | None:
    """Its blocks in order, if that is known before it is loaded."""
    known = model.system in SYSTEMS and SYSTEMS.load(model.system).one_list
    return model.depth if known else None


def _measure(measure: MeasureSettings, problems: Problems) -> MeasureSettings:
    if not (measure.replay and measure.repeats > 1):
        return measure
    # A replayed step would have the same time in every repeat.
    problems.notices.append(
        f"measure.repeats={measure.repeats}: nothing is replayed, all steps are timed anew"
    )
    return replace(measure, replay=False)
