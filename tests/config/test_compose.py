"""What is composed without Hydra is what the command line composes."""

from __future__ import annotations

import os
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from config.left_open import left_open
from hydra import compose as by_hydra

from pab_bench.config import compose as composing
from pab_bench.config.compose import compose, options, read_option
from pab_bench.config.paths import CONF
from pab_bench.config.resolve import resolve
from pab_bench.config.schema import SCHEMA, Configuration
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.minis.crossing.captions import held_out_captions


def same(ours: Settings, lines: list[str]) -> bool:
    theirs = resolve(by_hydra("config", lines), lines)
    return replace(ours, overrides=()) == replace(theirs, overrides=())


# The checkpoint of cogvideox_tiny is made first; tests/audit samples it.
@pytest.mark.parametrize("model", sorted(set(options("model")) - {"cogvideox_tiny"}))
def test_every_model(model: str, hydra_ready: None) -> None:
    own = left_open(model)
    lines = [f"{key}={value}" for key, value in own.items()]
    assert same(compose(model=model, **own), [f"model={model}", *lines])


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ({}, []),
        ({"preset": "pab236", "without": "cross"}, ["preset=pab236", "without=cross"]),
        ({"contender": "own_delta_dit", "steps": 20}, ["contender=own_delta_dit", "steps=20"]),
        ({"contender": "pab_mild"}, ["contender=pab_mild"]),
        ({"spatial_gap": 2, "spatial_block": (0, 3)}, ["spatial_gap=2", "spatial_block=[0,3]"]),
        ({"measure": "latency", "measure.repeats": 5}, ["measure=latency", "measure.repeats=5"]),
        ({"measure": {"repeats": 5}}, ["measure.repeats=5"]),
        ({"prompts": ["a", "b"]}, ["prompts.texts=[a,b]"]),
        ({"metrics": ["psnr"]}, ["metrics.names=[psnr]"]),
        ({"task": "advise", "advise": {"max_lpips": 0.1}}, ["task=advise", "advise.max_lpips=0.1"]),
        ({"dtype": "bf16", "cache.dtype": "fp16"}, ["dtype=bf16", "cache.dtype=fp16"]),
    ],
)  # fmt: skip
def test_keys(keys: dict[str, object], lines: list[str], hydra_ready: None) -> None:
    assert same(compose(**keys), lines)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"spatial_gp": 2}, "spatial_gp=2: there is no key 'spatial_gp'. Did you mean 'spatial_g"),
        ({"measure": {"repeat": 2}}, "measure.repeat=2: there is no key 'repeat' in measure"),
        ({"spatial_gap": "x"}, "spatial_gap=x: must be a whole number"),
        ({"spatial_skip": 2}, "spatial_skip=2: must be true or false"),
        ({"preset": "pab23"}, "preset=pab23: must be one of none, pab236"),
        ({"model": "late"}, "model=late: must be one of cogvideox, cogvideox_tiny, cosmos"),
        ({"steps": 0}, "steps=0: must be a whole number from 1 to 1000"),
    ],
)  # fmt: skip
def test_wrong_keys_have_the_messages_of_the_command_line(
    keys: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(**keys)
    assert str(caught.value).startswith(message)


def test_an_option_inherits_what_it_names() -> None:
    own = read_option("model", "latte_mini_random")
    expected = read_option("model", "latte_mini")
    assert own == expected | {"name": "latte_mini_random", "random_weights": True}


def test_the_schema_has_every_key_of_the_settings() -> None:
    keys = {entry.name for entry in fields(SCHEMA)}
    assert keys == {entry.name for entry in fields(Configuration)}


def test_the_schema_travels_to_other_processes_by_its_name() -> None:
    """By value it would come back as another class, and spoil the first."""
    import cloudpickle
    from omegaconf import OmegaConf

    config = OmegaConf.structured(SCHEMA)
    again = cloudpickle.loads(cloudpickle.dumps(config))
    assert OmegaConf.get_type(again) is SCHEMA
    assert OmegaConf.get_type(again.tape) is OmegaConf.get_type(config.tape)
    assert OmegaConf.structured(SCHEMA) == config


def test_what_the_files_say_are_the_defaults() -> None:
    """A key's value in conf/config.yaml or conf/task is there to be read: it is the schema's."""
    from omegaconf import OmegaConf

    schema = OmegaConf.structured(SCHEMA)
    for path in (CONF / "config.yaml", *(CONF / "task").glob("*.yaml")):
        content = OmegaConf.load(path)
        for key in set(content) - {"defaults", "hydra", "task"}:
            assert content[key] == schema[key], f"{path}: {key}"


def test_every_key_of_a_run_is_explained_in_help() -> None:
    text = (CONF / "hydra" / "help" / "pab_bench.yaml").read_text()
    for entry in fields(Configuration):
        name = entry.name.removeprefix("spatial_").removeprefix("temporal_").removeprefix("cross_")
        name = name if name.startswith("mlp_key") else name.removeprefix("mlp_")
        assert name in text or (CONF / entry.name).is_dir(), entry.name


def test_a_model_brings_the_prompts_along_that_it_knows() -> None:
    known = [caption.text for caption in held_out_captions(4)]
    for model in ("wan_mini", "wan_mini_random"):
        assert list(compose(model=model).prompts) == known
    assert (
        compose(model="wan_mini", prompts="pab_demo").prompts == compose(prompts="pab_demo").prompts
    )
    assert compose(model="wan_mini", prompts=["a red circle"]).prompts == ("a red circle",)
    assert compose().prompts == compose(model="open_sora_mini").prompts


@pytest.mark.parametrize("more", [{}, {"prompts": "pab_demo"}])
def test_the_command_line_brings_them_along_too(more: dict[str, str], hydra_ready: None) -> None:
    lines = [f"{group}={option}" for group, option in more.items()]
    assert same(compose(model="wan_mini", **more), ["model=wan_mini", *lines])
    assert read_option("model", "wan_mini_random")["call"] == {"max_sequence_length": 32}


def test_files_that_were_edited_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    monkeypatch.setattr(composing, "CONF", tmp_path / "conf")
    before = compose(preset="pab236")
    path = tmp_path / "conf" / "preset" / "pab236.yaml"
    text = path.read_text()
    assert yaml.safe_load(text)["spatial_gap"] == 2
    path.write_text(text.replace("spatial_gap: 2", "spatial_gap: 5"))
    os.utime(path, ns=(1, 1))  # However coarse the clock of the file system is.
    assert before.method.rules.spatial.gap == 2
    assert compose(preset="pab236").method.rules.spatial.gap == 5
    assert read_option("preset", "pab236")["spatial_gap"] == 5


def test_what_one_composition_sets_is_not_in_the_next() -> None:
    usual = compose(preset="pab236")
    assert compose(preset="pab236", spatial_gap=5, steps=7, metrics=["psnr"]) != usual
    assert compose(preset="pab236") == usual
