"""What a pipeline's tokenizer makes of a prompt."""

import pytest
from systems.diffusers.driven import drive
from transformers import PreTrainedTokenizerBase

from pab_bench.cli import main
from pab_bench.systems.call_arguments import CallArguments
from pab_bench.systems.diffusers.tokenizing import tokenizer_call
from pab_bench.systems.pictures import PicturedPrompt

LONG = "a large red circle moves right " * 50


@pytest.mark.parametrize("name", ["wan", "ltx", "cogvideox", "mochi", "latte"])
def test_a_prompt_that_is_cut_off(saved, name):
    sampler = drive(name, saved(name)).sampler
    own = sampler.tokens(LONG)
    assert own.count > own.kept
    assert LONG.strip().endswith(own.dropped.strip())
    assert own.dropped
    short = sampler.tokens("a dog")
    assert (short.count, short.dropped) == (short.kept, "")
    assert short.digest != own.digest


def test_with_the_template_of_hunyuan(saved):
    sampler = drive("hunyuan", saved("hunyuan")).sampler
    assert sampler.tokens("a dog").dropped == ""
    assert "circle" in sampler.tokens(LONG).dropped


def test_the_length_is_that_of_the_call(saved):
    call = CallArguments.of({"max_sequence_length": 9})
    own = drive("wan", saved("wan"), call=call).sampler.tokens("a large red circle")
    assert own.kept == 9
    assert own.dropped


def test_nothing_is_left_attached(saved):
    before = PreTrainedTokenizerBase.__call__
    driven = drive("wan", saved("wan"))
    latents = driven.denoise()
    assert driven.sampler.tokens("a dog").count
    pipeline = driven.sampler.pipeline
    assert "__call__" not in type(pipeline.tokenizer).__dict__
    assert PreTrainedTokenizerBase.__call__ is before
    assert not pipeline.text_encoder._forward_pre_hooks
    assert (driven.denoise() == latents).all()


def test_with_other_pictures_they_are_others(saved, tmp_path):
    pipeline = drive("wan", saved("wan")).sampler.pipeline
    call = tokenizer_call(pipeline, {"prompt": "a dog"})
    prompts = ["a dog", *(PicturedPrompt("a dog", tmp_path, digest) for digest in "12")]
    assert len({call.tokens(prompt).digest for prompt in prompts}) == 3


@pytest.mark.slow
def test_it_is_told_on_the_command_line(saved, tmp_path, capsys):
    line = ["model=diffusers", f"model.path={saved('wan')}", "model.frames=5", "model.height=32"]
    line += ["model.width=32", "steps=4", "metrics=none", "speed.calls=false", "spatial_gap=2"]
    line += [
        f"prompts.texts=[{LONG.strip()}]",
        "threshold=steps:[.25,1]",
        f"results_dir={tmp_path}",
    ]
    assert main(line) == 0
    told = capsys.readouterr().err
    assert "1 of 1 prompts are longer than the" in told
    assert "spatial_threshold=steps:[0.25,1]: 3 of 4 steps, timesteps" in told
    assert "steps=4: with fewer than 10 steps" in told
