"""Further arguments of a pipeline's own call."""

import json

import pytest
import torch
from systems.diffusers.driven import drive, model_of

from pab_bench.cli import main
from pab_bench.config.compose import compose
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity
from pab_bench.systems.call_arguments import CallArguments, is_plain

SIZE = {"model.frames": 5, "model.height": 32, "model.width": 32}


def settings(folder, call, **more):
    return compose(model="diffusers", **{"model.path": str(folder), "model.call": call, **more})


def test_they_are_part_of_the_model(saved):
    own = settings(saved("wan"), {"max_sequence_length": 8})
    assert own.model.call.values() == {"max_sequence_length": 8}
    assert settings_identity(own)["model"]["call"] == {"max_sequence_length": 8}
    assert "call" not in settings_identity(settings(saved("wan"), None))["model"]
    again = settings(saved("wan"), {"max_sequence_length": 8})
    assert own.model == again.model
    assert len({own.model, again.model}) == 1


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("max_sequence_lenght", 8, r"the call of WanPipeline has no such argument; it takes "
         r"attention_kwargs, guidance_scale_2, max_sequence_length\. Did you mean "
         r"'max_sequence_length'\?"),
        ("prompt", "a dog", "has a key of its own: prompts.texts"),
        ("num_frames", 5, "has a key of its own: model.frames"),
        ("frames", 5, "has a key of its own: model.frames"),
        ("guidance_scale", 3, "has a key of its own: guidance"),
        ("num_inference_steps", 3, "has a key of its own: steps"),
        ("generator", 3, "has a key of its own: seeds"),
        ("num_videos_per_prompt", 2, "has a key of its own: seeds"),
        ("height", 32, "has a key of its own: model.height"),
        ("negative_prompt", "", "has a key of its own: model.negative_prompt"),
        ("output_type", "pt", "is set by what drives the pipeline"),
        ("return_dict", False, "is set by what drives the pipeline"),
        ("callback_on_step_end", None, "is set by what drives the pipeline"),
        ("latents", None, "is no plain value"),
        ("negative_prompt_embeds", None, "is no plain value"),
        ("max_sequence_length", float("nan"), "must be a finite number"),
        ("self", 1, "the call of WanPipeline has no such"),
    ],
)  # fmt: skip
def test_refused_before_anything_is_loaded(saved, name, value, reason):
    with pytest.raises(ConfigError, match=rf"^model\.call\.{name}=.*: {reason}"):
        settings(saved("wan"), {name: value})


@pytest.mark.parametrize("values", [[1000.0, 500.0], 3, "all"])
def test_a_schedule_has_a_value_for_every_step(saved, values):
    with pytest.raises(ConfigError, match=r"^model\.call\.sigmas=.*: must be a list of 4 numbers"):
        settings(saved("hunyuan"), {"sigmas": values}, steps=4)
    settings(saved("hunyuan"), {"sigmas": [1.0, 0.7, 0.4, 0.1]}, steps=4)


def test_other_models_take_none():
    with pytest.raises(
        ConfigError, match=r"^model\.call=\{fps: 8\}: has no effect with model=latt"
    ):
        compose(**{"model.call": {"fps": 8}})
    with pytest.raises(ConfigError, match=r"^model\.call=5: must be a mapping such as"):
        compose(**{"model.call": 5})


def test_the_pipeline_is_called_with_them(saved):
    driven = drive("wan", saved("wan"), call=CallArguments.of({"max_sequence_length": 7}))
    text = driven.sampler.encode("a large red circle moves right")
    assert text.tokens == 7


def test_a_second_scale_of_two_transformers(saved):
    """Wan 2.2's low-noise transformer is guided by its own."""
    usual = drive("wan_2_2", saved("wan_2_2")).denoise()
    call = CallArguments.of({"guidance_scale_2": 1.5})
    own = drive("wan_2_2", saved("wan_2_2"), call=call).denoise()
    assert not torch.equal(usual, own)


def test_a_template_is_a_mapping(saved):
    """HunyuanVideo's template decides what its text encoder reads."""
    template = {"template": "{} !", "crop_start": 0}
    call = CallArguments.of({"prompt_template": template, "max_sequence_length": 16})
    other = drive("hunyuan", saved("hunyuan"), call=call).sampler
    usual = drive("hunyuan", saved("hunyuan")).sampler
    theirs, own = usual.encode("a dog"), other.encode("a dog")
    assert theirs.conditional.shape != own.conditional.shape or not torch.equal(
        theirs.conditional, own.conditional
    )


def test_what_the_pipeline_itself_refuses(saved):
    call = CallArguments.of({"guidance_scale_2": 3.0})
    with pytest.raises(ConfigError, match=r"with model\.call=\{guidance_scale_2: 3\.0\}: .*bound"):
        drive("wan", saved("wan"), call=call)


def test_described(saved, tmp_path, capsys):
    path = tmp_path / "about.json"
    size = [f"{key}={value}" for key, value in SIZE.items()]
    own = [f"model.path={saved('wan')}", "model.call={max_sequence_length:16}", "steps=4"]
    assert main(["task=describe", "model=diffusers", f"json={path}", *own, *size]) == 0
    (about,) = json.loads(path.read_text())["models"]
    assert about["call"] == {"max_sequence_length": 16}
    assert "model.call: {max_sequence_length: 16}" in capsys.readouterr().out


def test_one_at_a_time_is_told_how(saved, capsys):
    own = [f"model.path={saved('wan')}", "model.call.max_sequence_length=16"]
    assert main(["task=plan", "model=diffusers", *own]) == 2
    assert "'model.call={max_sequence_length:VALUE}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "plain"),
    [(1, True), ("a", True), (None, True), ([1, {"a": [None]}], True), (float("inf"), False),
     ({1: 2}, False), ([object()], False)],
)  # fmt: skip
def test_plain_values(value, plain):
    assert is_plain(value) is plain


def test_settings_without_them_are_those_of_before(saved):
    assert model_of("wan", saved("wan")).call == CallArguments()
    assert not CallArguments.of(None)
    assert CallArguments.of({"b": 1, "a": [1.5]}) == CallArguments.of({"a": [1.5], "b": 1})
    assert str(CallArguments.of({"b": "x", "a": [1.5]})) == "{a: [1.5], b: x}"
