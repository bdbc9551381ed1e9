"""The Open-Sora sampler on the embedded mini, and loading what hpcai-tech released."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import T5Config, T5EncoderModel

from pab_bench.engine.engine import Engine
from pab_bench.errors import ConfigError
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.minis.captions import split_captions
from pab_bench.minis.registry import find_mini
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.systems.checkpoints.network import check_network
from pab_bench.systems.checkpoints.part import CheckpointRefused, Part
from pab_bench.systems.model import PartSettings
from pab_bench.systems.open_sora.checkpoint import KIND
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.sampler import EMBEDDED, OpenSoraSampler
from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.timesteps.rectified_flow import rectified_flow_timesteps
from pab_bench.systems.weights import WeightsMissing

MINI = find_mini("open_sora").settings
PROMPTS = [caption.text for caption in split_captions()[1][:2]]
STEPS = 4


@pytest.fixture(scope="module")
def sampler():
    return OpenSoraSampler(MINI, "cpu", "float32")


@pytest.fixture(scope="module")
def pipeline():
    loaded = OpenSoraPipeline.from_pretrained(EMBEDDED, dtype=torch.float32, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def sample(sampler, prompt, seed, guidance=4.0):
    latents = sampler.denoise(
        sampler.encode(prompt), sampler.noise(seed), STEPS, guidance, lambda step: None
    )
    return sampler.decode(latents)


def run(pipeline, prompt, **more):
    return pipeline(
        prompt,
        num_frames=17,
        height=64,
        width=64,
        num_inference_steps=STEPS,
        guidance_scale=4.0,
        **{"output_type": "np", **more},
    ).frames


def test_the_stages_equal_the_pipelines_own_call(sampler, pipeline):
    whole = run(pipeline, PROMPTS[0], generator=torch.Generator().manual_seed(3))[0]
    assert np.array_equal(sample(sampler, PROMPTS[0], 3), (np.asarray(whole) * 255).round())


def test_same_seed_same_video_other_seed_other_video(sampler):
    first = sample(sampler, PROMPTS[0], 0)
    assert first.shape == (17, 64, 64, 3)
    assert np.array_equal(first, sample(sampler, PROMPTS[0], 0))
    assert not np.array_equal(first, sample(sampler, PROMPTS[0], 1))
    assert not np.array_equal(first, sample(sampler, PROMPTS[1], 0))
    assert not np.array_equal(first, sample(sampler, PROMPTS[0], 0, guidance=1.0))


def test_several_prompts_at_once_are_each_alone(pipeline):
    noise = torch.randn(2, 16, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    both = run(pipeline, PROMPTS, latents=noise, output_type="latent")
    alone = [
        run(pipeline, prompt, latents=noise[i : i + 1], output_type="latent")
        for i, prompt in enumerate(PROMPTS)
    ]
    torch.testing.assert_close(both, torch.cat(alone), atol=1e-4, rtol=1e-4)


def test_prompts_of_different_lengths_can_be_one_batch(pipeline):
    features, mask = pipeline.encode_prompt(["a red circle", PROMPTS[0]])
    assert mask.sum(1).tolist() == [7, 15]  # Words, three of the score, and the end.
    noise = torch.randn(2, 16, 5, 8, 8, generator=torch.Generator().manual_seed(0))
    arguments = {"output_type": "latent", "latents": noise}
    both = run(pipeline, None, prompt_embeds=features, prompt_attention_mask=mask, **arguments)
    arguments["latents"] = noise[:1]
    short = run(
        pipeline, None, prompt_embeds=features[:1], prompt_attention_mask=mask[:1], **arguments
    )
    torch.testing.assert_close(both[:1], short, atol=1e-4, rtol=1e-4)


def test_a_saved_pipeline_is_the_same(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    again = OpenSoraPipeline.from_pretrained(tmp_path, dtype=torch.float32)
    again.set_progress_bar_config(disable=True)
    results = [
        run(p, PROMPTS[0], generator=torch.Generator().manual_seed(0)) for p in (pipeline, again)
    ]
    assert np.array_equal(*results)


@pytest.mark.parametrize(
    ("output_type", "kind"), [("np", np.ndarray), ("pt", torch.Tensor), ("pil", list)]
)
def test_output_types(pipeline, output_type, kind):
    frames = run(pipeline, PROMPTS[0], output_type=output_type)
    assert isinstance(frames, kind)
    assert len(frames[0]) == 17


def test_a_callback_can_change_the_latents(pipeline):
    def zero(pipe, step, timestep, values):
        return {"latents": torch.zeros_like(values["latents"])} if step == STEPS - 1 else {}

    latents = run(pipeline, PROMPTS[0], output_type="latent", callback_on_step_end=zero)
    assert not latents.any()


def test_timesteps_are_those_of_480p_and_known_without_the_model(sampler):
    released = rectified_flow_timesteps(30, 480, 854, 51, 1.0, "float32")
    assert sampler.timesteps(30) == released
    assert released == rectified_flow_timesteps(30, 64, 64, 17, MINI.transform_scale, "float32")


def test_gap_one_is_bit_equal_and_rules_change_the_video(sampler):
    architecture = sampler.architecture
    bare = sample(sampler, PROMPTS[0], 0)

    def attached(gap):
        rules = Rules(*(GapRule(True, (0, 1000), gap) for _ in range(5)))
        plan = make_plan(rules, sampler.timesteps(STEPS), architecture.depth, architecture.groups)
        with Engine(architecture, plan) as broadcast:
            video = sample(sampler, PROMPTS[0], 0)
        broadcast.ledger.check(plan)
        return video

    assert np.array_equal(bare, attached(1))
    assert not np.array_equal(bare, attached(2))
    assert np.array_equal(bare, sample(sampler, PROMPTS[0], 0))


def test_a_video_after_an_aborted_one_is_as_if_alone(sampler):
    """Upstream's counters go on: its next video is wrong by up to 2.9."""
    architecture = sampler.architecture
    rules = Rules(*(GapRule(True, (0, 1000), 2) for _ in range(5)))
    plan = make_plan(rules, sampler.timesteps(STEPS), architecture.depth, architecture.groups)

    class Stopped(Exception):
        pass

    def stop(step):
        if step == 1:
            raise Stopped

    text, noise = sampler.encode(PROMPTS[0]), sampler.noise(0)
    with Engine(architecture, plan) as broadcast:
        expected = sampler.denoise(text, noise, STEPS, 4.0, lambda step: None)
        with pytest.raises(Stopped):
            sampler.denoise(text, noise, STEPS, 4.0, stop)
        broadcast.start_video()
        again = sampler.denoise(text, noise, STEPS, 4.0, lambda step: None)
    assert torch.equal(expected, again)


def test_long_prompts_are_cut_with_a_warning(pipeline):
    with pytest.warns(UserWarning, match=r"has 21 tokens, the model reads 16: cut after .*slowly"):
        _, mask = pipeline.encode_prompt("a red circle moves " + "slowly " * 13)
    assert mask.sum() == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_frames": 16}, "num_frames=16"),
        ({"height": 60}, "height=60"),
        ({"width": 4}, "width=4"),
        ({"output_type": "gif"}, "output_type='gif'"),
        ({"num_inference_steps": 0}, "num_inference_steps=0"),
        ({"latents": torch.zeros(1, 4, 5, 8, 8)}, r"expected the shape \(1, 16"),
        ({"prompt_attention_mask": torch.ones(1, 16)}, "belong together"),
    ],
)
def test_bad_arguments_are_refused_by_name(pipeline, arguments, message):
    good = {"num_frames": 17, "height": 64, "width": 64, "num_inference_steps": 2}
    with pytest.raises((ValueError, ConfigError), match=message):
        pipeline(PROMPTS[0], **(good | arguments))


def test_a_wrong_transform_scale_is_refused():
    with pytest.raises(ConfigError, match=r"transform_scale=1.0: .* 17.327"):
        OpenSoraSampler(replace(MINI, transform_scale=1.0), "cpu", "float32")


def test_missing_files_are_listed_for_every_part(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for part in ("a", "b", "c"):
        (tmp_path / part).mkdir()
    settings = replace(
        MINI,
        path=str(tmp_path / "a"),
        vae=PartSettings(str(tmp_path / "b")),
        text_encoder=PartSettings(str(tmp_path / "c")),
    )
    with pytest.raises(WeightsMissing) as caught:
        OpenSoraSampler(settings, "cpu", "float32")
    text = str(caught.value)
    for key in ("model.path", "model.vae.path", "model.text_encoder.path"):
        assert key in text
    assert "spiece.model" in text


def test_released_folders_load_strictly(tmp_path, sampler):
    """A folder laid out as released: upstream's configuration keys and one safetensors file."""
    arguments = {"depth": 1, "hidden_size": 32, "num_heads": 4, "caption_channels": 8}
    torch.manual_seed(0)
    model = STDiT3Transformer(**arguments)
    config = {**arguments, "model_type": "STDiT3", "freeze_y_embedder": True, "qk_norm": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    part = Part("model.path=x", "transformer", tmp_path, "any")
    loaded = check_network(part, KIND.transformer).load(torch.float32)
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
    state = model.state_dict()
    state.pop("rope.freqs")
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointRefused, match=r"tensor rope\.freqs of the model .* is missing"):
        check_network(part, KIND.transformer)
    save_file({"scale": torch.ones(1, 4, 1, 1, 1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointRefused, match=r"model\.safetensors: tensor .* is missing"):
        check_network(replace(part, name="vae", configured=False), KIND.vae)


def test_the_text_encoder_reads_from_its_own_folder(tmp_path):
    """Tokenizer and T5 are found by the same files as in DeepFloyd's repository."""
    build_tokenizer().save_pretrained(tmp_path)
    T5EncoderModel(T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=1)).save_pretrained(
        tmp_path
    )
    names = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "tokenizer_config.json", "model.safetensors"} <= names
