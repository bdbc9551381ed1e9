"""CogVideoX beyond the contract: against diffusers' own hook, its variants, what is refused."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from diffusers import (
    CogVideoXDPMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    PyramidAttentionBroadcastConfig,
)
from systems.tiny_pipelines import DEPTH, WORDS, tiny_cogvideox

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL
from pab_bench.errors import ConfigError
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.systems.cogvideox.architecture import CogVideoXArchitecture
from pab_bench.systems.cogvideox.sampler import CogVideoXSampler
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import WeightsMissing

TINY = ModelSettings(
    name="tiny",
    system="cogvideox",
    path=None,
    repository=None,
    revision=None,
    depth=DEPTH,
    frames=9,
    height=32,
    width=32,
)
VARIANTS = {
    "2b": {},
    "5b": {"use_rotary_positional_embeddings": True},
    "1.5": {"use_rotary_positional_embeddings": True, "patch_size_t": 2},
}
PROMPT = "a large red circle moves right slowly over a black background"
STEPS, GUIDANCE, WINDOW = 8, 6.0, (100, 800)


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=pytest.mark.slow) if n == "5b" else n for n in VARIANTS],
)
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cogvideox")
    tiny_cogvideox(**VARIANTS[request.param]).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sampler(saved):
    return CogVideoXSampler(replace(TINY, path=str(saved)), "cpu", "float32")


@pytest.fixture(scope="module")
def inputs(sampler):
    return sampler.encode(PROMPT), sampler.noise(0)


def follow(sampler, inputs, rules, broadcast_object="output", observers=()):
    architecture = sampler.architecture
    times = sampler.timesteps(STEPS)
    plan = make_plan(rules, times, architecture.depth, architecture.groups, STEPS)
    with Engine(architecture, plan, broadcast_object, observers) as broadcast:
        latents = sampler.denoise(*inputs, STEPS, GUIDANCE, lambda step: None)
    broadcast.ledger.check(plan)
    return latents


def whole(pipeline, output_type, seed=None, **more):
    return pipeline(
        PROMPT,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        num_frames=TINY.frames,
        height=TINY.height,
        width=TINY.width,
        generator=None if seed is None else torch.Generator().manual_seed(seed),
        max_sequence_length=WORDS,
        output_type=output_type,
        **more,
    ).frames


@pytest.mark.parametrize("gap", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_ungated_equals_diffusers_own_hook(saved, sampler, inputs, gap):
    ours = follow(sampler, inputs, Rules(spatial=GapRule(True, WINDOW, gap)), "ungated")
    pipeline = CogVideoXPipeline.from_pretrained(saved, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.transformer.enable_cache(
        PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=gap,
            spatial_attention_timestep_skip_range=WINDOW,
            current_timestep_callback=lambda: pipeline.current_timestep,
        )
    )
    theirs = whole(pipeline, "latent", latents=inputs[1])
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, follow(sampler, inputs, Rules()))


def test_stages_equal_the_pipelines_own_call(saved, sampler):
    pipeline = CogVideoXPipeline.from_pretrained(saved, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    expected = (whole(pipeline, "np", seed=3)[0] * 255).round()
    noise = sampler.noise(3)
    latents = sampler.denoise(sampler.encode(PROMPT), noise, STEPS, GUIDANCE, lambda step: None)
    assert latents.shape == noise.shape
    assert np.array_equal(sampler.decode(latents), expected)


def test_output_and_ungated_differ_since_gates_change(sampler, inputs):
    rules = Rules(spatial=GapRule(True, WINDOW, 2), mlp_spatial=GapRule(True, WINDOW, 2))
    results = [follow(sampler, inputs, rules, kept) for kept in ("output", "ungated", "scores")]
    assert not any(torch.equal(*pair) for pair in combinations(results, 2))


def test_mlps_can_be_broadcast_by_keys(sampler, inputs):
    times = sampler.timesteps(STEPS)
    keys = KeyRule((KeyTime(times[3], 2, frozenset({0})),))
    assert not torch.equal(
        follow(sampler, inputs, Rules(mlp_spatial=keys)), follow(sampler, inputs, Rules())
    )


class Sites:
    """Keeps what a call's first block shows."""

    def __init__(self):
        self.seen = {}

    def start_video(self):
        pass

    def observe(self, output):
        if output.block == output.call == 0:
            self.seen[output.group] = output.ungated, output.gated


def test_a_site_holds_both_streams_text_first_each_with_its_own_gate(sampler, inputs):
    block = sampler.architecture.blocks()[0].module
    taken = {}
    handles = [
        module.register_forward_hook(lambda m, a, output, n=name: taken.setdefault(n, output))
        for name, module in (("attn1", block.attn1), ("ff", block.ff))
    ]
    embeddings = []
    handles.append(
        block.register_forward_pre_hook(
            lambda m, args, kwargs: embeddings.append(kwargs["temb"]), with_kwargs=True
        )
    )
    sites = Sites()
    follow(sampler, inputs, Rules(), observers=[sites])
    for handle in handles:
        handle.remove()
    video, text = taken["attn1"]
    ungated, gated = sites.seen[SPATIAL]
    assert torch.equal(ungated, torch.cat([text, video], dim=1))
    _, _, gate, text_gate = block.norm1(video, text, embeddings[0])
    assert torch.equal(gated, torch.cat([text_gate * text, gate * video], dim=1))
    assert torch.equal(sites.seen[MLP_SPATIAL][0], taken["ff"])


def test_nothing_reused_equals_the_bare_model_in_half_precision(saved):
    sampler = CogVideoXSampler(replace(TINY, path=str(saved)), "cpu", "bfloat16")
    inputs = sampler.encode(PROMPT), sampler.noise(0)
    bare = sampler.denoise(*inputs, STEPS, GUIDANCE, lambda step: None)
    assert bare.dtype == torch.bfloat16
    nothing = Rules(spatial=GapRule(True, (0, 1000), 1), mlp_spatial=GapRule(True, (0, 1000), 1))
    assert torch.equal(bare, follow(sampler, inputs, nothing))


def test_the_timestep_is_found_among_positional_arguments(sampler):
    times = torch.tensor([979, 979])
    assert sampler.architecture.timestep((None, None, times), {}) == 979
    assert sampler.architecture.timestep((), {"timestep": times}) == 979


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 12}, r"model\.frames=12: must be 1 more than a multiple of 8"),
        ({"frames": 5}, r"model\.frames=5: must be 1 more than a multiple of 8"),
        ({"height": 24}, r"model\.height=24: must be a positive multiple of 16"),
        ({"width": 0}, r"model\.width=0: must be a positive multiple of 16"),
        ({"clean_caption": True}, r"model\.clean_caption=true: .* cleans no prompts"),
    ],
)
def test_what_cannot_be_sampled_is_refused_before_loading(change, message):
    with pytest.raises(ConfigError, match=message):
        CogVideoXSampler(replace(TINY, path="/nowhere", **change), "cpu", "float32")


def test_steps_for_which_the_scheduler_goes_wrong_are_refused(sampler):
    with pytest.raises(ConfigError, match="steps=61: the scheduler ends with timestep -1"):
        sampler.timesteps(61)


def test_a_scheduler_that_adds_noise_is_refused(tmp_path):
    pipeline = tiny_cogvideox()
    pipeline.scheduler = CogVideoXDPMScheduler.from_config(pipeline.scheduler.config)
    pipeline.save_pretrained(tmp_path)
    with pytest.raises(
        ConfigError, match=r"model_index\.json: scheduler=.*DPM.* must be a CogVideoXDDIM"
    ):
        CogVideoXSampler(replace(TINY, path=str(tmp_path)), "cpu", "float32")


def test_released_weights_offline_say_what_is_missing_and_where_to_put_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    released = replace(TINY, name="cogvideox", repository="THUDM/CogVideoX-2b", revision="0" * 40)
    with pytest.raises(WeightsMissing) as caught:
        CogVideoXSampler(released, "cpu", "float32")
    message = str(caught.value)
    for part in ("THUDM/CogVideoX-2b", "0" * 40, "text_encoder/*.safetensors", "model.path=DIR"):
        assert part in message


def test_the_full_size_model_has_the_configured_depth():
    with torch.device("meta"):
        transformer = CogVideoXTransformer3DModel()  # Its defaults are those of CogVideoX-2b.
    assert CogVideoXArchitecture(transformer).depth == 30
