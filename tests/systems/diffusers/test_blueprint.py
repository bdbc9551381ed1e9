"""What is known without weights is what the loaded pipeline does: sites, steps, work and memory."""

import shutil
from dataclasses import replace

import pytest
import torch
from systems.diffusers.driven import GUIDANCE, PROMPT, STEPS, WINDOW, model_of

from pab_bench.cost.cache_bytes import predict_cache
from pab_bench.cost.conventions import get_convention
from pab_bench.cost.counting import WorkCounter
from pab_bench.cost.prediction import predict_flops
from pab_bench.cost.transformer_work import step_work
from pab_bench.cost.work import Work
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.errors import ConfigError
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.blueprint import RehearsedBlueprint
from pab_bench.systems.diffusers.sampler import DiffusersSampler
from pab_bench.systems.diffusers.wordless import WordlessTokenizer
from pab_bench.systems.registry import get_blueprint

GAPS = Rules(*(GapRule(True, WINDOW, gap) for gap in (2, 3, 4, 2, 3)))


@pytest.fixture(scope="module")
def blueprint_of(saved):
    return lambda name: get_blueprint(model_of(name, saved(name)), "float32")


def kept_and_done(driven, cache, kept="ungated"):
    """Peak bytes and multiply-adds of a real video that follows a plan."""
    driven.sampler.encode(PROMPT)  # Not part of what is counted.
    engine = driven.engine(GAPS, kept, cache=cache)
    with engine, WorkCounter() as counter:
        driven.denoise()
    engine.ledger.check(engine.plan)
    return engine.plan, engine.peak_cache_bytes, counter.work


def test_the_real_run(driven, blueprint_of):
    blueprint, sampler = blueprint_of(driven.name), driven.sampler
    assert isinstance(blueprint, RehearsedBlueprint)
    assert blueprint.timesteps(STEPS) == sampler.timesteps(STEPS)
    assert blueprint.transformers_called(STEPS) == sampler.transformers_called(STEPS)
    assert blueprint.architecture.depths == sampler.architecture.depths
    assert blueprint.architecture.left_out == sampler.architecture.left_out
    assert blueprint.text_tokens(["a", PROMPT]) == sampler.encode(PROMPT).tokens
    step = step_work(blueprint.architecture, blueprint.calls(GUIDANCE, PROMPT), "ungated")
    assert len(step) == driven.known.lanes
    plan, held, done = kept_and_done(driven, CacheOptions())
    assert held == predict_cache(plan, step, CacheOptions()).peak > 0
    flops = predict_flops(plan, step, get_convention("macs"), "diffusers", Work(), Work())
    assert done.linear + done.attention == flops.method < flops.baseline
    assert done.attention > 0


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["output", "scores"])
def test_the_real_run_of_a_named_model(named, kept):
    blueprint = get_blueprint(named.sampler.model, "float32")
    assert type(blueprint.architecture) is type(named.sampler.architecture)
    step = step_work(blueprint.architecture, blueprint.calls(GUIDANCE, PROMPT), kept)
    plan, held, done = kept_and_done(named, CacheOptions(), kept)
    assert held == predict_cache(plan, step, CacheOptions()).peak > 0
    flops = predict_flops(plan, step, get_convention("macs"), "diffusers", Work(), Work())
    assert done.linear + done.attention == flops.method < flops.baseline


def test_lanes_and_small_numbers(wan, blueprint_of):
    cache = CacheOptions("float8_e4m3fn")
    calls = blueprint_of("wan").calls(GUIDANCE, PROMPT)
    step = step_work(blueprint_of("wan").architecture, calls, "ungated")
    plan, held, _ = kept_and_done(wan, cache)
    assert held == predict_cache(plan, step, cache).peak
    assert held == 2 * predict_cache(plan, step[:1], cache).peak
    unguided = blueprint_of("wan").calls(1.0, PROMPT)
    assert (len(calls), len(unguided)) == (2, 1)


def test_half_precision(saved):
    model = model_of("mochi", saved("mochi"))
    sampler = DiffusersSampler(model, "cpu", "bfloat16")
    blueprint = get_blueprint(model, "bfloat16")
    given = sampler._driver.first_call(PROMPT, STEPS, GUIDANCE)
    (call,) = blueprint.calls(GUIDANCE, PROMPT)
    assert {k: v.dtype for k, v in given.items() if isinstance(v, torch.Tensor)} == {
        k: v.dtype for k, v in call.items() if isinstance(v, torch.Tensor)
    }
    (work,) = step_work(blueprint.architecture, [call], "ungated")
    assert {dtype for site in work.sites.values() for s in site for _, dtype in s.kept} == {
        "bfloat16"
    }


def test_encoding_and_decoding(wan, blueprint_of):
    blueprint = blueprint_of("wan")
    with WorkCounter() as predicted:
        blueprint.decode("model")
    latents = wan.denoise()
    vae = wan.sampler.pipeline.vae
    with WorkCounter() as real, torch.no_grad():
        vae.decode(latents)
    assert predicted.work == real.work
    with WorkCounter() as encoding:
        blueprint.encode()
    with WorkCounter() as prompts:
        wan.sampler.pipeline.encode_prompt("a video", None, True, max_sequence_length=512)
    assert encoding.work == prompts.work
    assert encoding.work.linear > 0


def without(folder, tmp_path, *patterns):
    """A copy without some files."""
    return shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns(*patterns))


def test_without_tokenizers_prompts_are_as_long_as_may_be(saved, tmp_path, blueprint_of):
    folder = without(saved("ltx"), tmp_path, "*.safetensors", "tokenizer*")
    blueprint = get_blueprint(model_of("ltx", folder), "float32")
    assert blueprint.text_tokens([PROMPT]) is None
    assert blueprint.padded_text_tokens == 128
    (bare,), (own,) = (b.calls(GUIDANCE, PROMPT) for b in (blueprint, blueprint_of("ltx")))
    assert {k: getattr(v, "shape", v) for k, v in bare.items()} == {
        k: getattr(v, "shape", v) for k, v in own.items()
    }


def test_tokens_without_words():
    wordless = WordlessTokenizer()
    tokens = wordless(["a", "b"], max_length=7, padding="max_length", return_tensors="pt")
    assert tokens.input_ids.shape == tokens.attention_mask.shape == (2, 7)
    assert bool(tokens.attention_mask.all())
    assert wordless("a", padding="longest", return_tensors="pt").input_ids.shape == (1, 1)
    assert wordless("a", max_length=3).input_ids == wordless(["a"], max_length=3).input_ids[0]
    said = {"role": "user", "content": "a"}
    assert wordless.apply_chat_template([said], max_length=3)["input_ids"] == [0, 0, 0]
    several = wordless.apply_chat_template([[said]] * 2, max_length=3, return_tensors="pt")
    assert several.input_ids.shape == (2, 3)
    assert wordless.apply_chat_template([said], tokenize=False) == ""
    assert len(wordless.encode("a template")) == 1


def test_a_size_that_cannot_be(saved):
    model = replace(model_of("wan", saved("wan")), height=30)
    with pytest.raises(ConfigError, match=r"^model\.path=\S+: its cost is not known without weig"):
        get_blueprint(model, "float32")


def test_a_part_that_is_not_described(saved, tmp_path):
    folder = without(saved("ltx"), tmp_path, "*.safetensors")
    (folder / "text_encoder" / "config.json").write_text('{"d_model": "wide"}')
    with pytest.raises(ConfigError, match=r"without weights: text_encoder: "):
        get_blueprint(model_of("ltx", folder), "float32")
