"""Maps of changes: in every system's layout of tokens, where the change is, and when."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine.toy import shown
from hypothesis import given, settings
from hypothesis import strategies as st
from systems.test_contract import SYSTEMS

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import SPATIAL
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.probes.attention_maps import AttentionMaps, arranged, token_grid

PROMPT = "a small white square moves left quickly over a black background"
STEPS = 5
SIZES = st.integers(1, 5)


@settings(deadline=None)
@given(batch=st.integers(1, 3), words=SIZES, grid=st.tuples(SIZES, SIZES, SIZES))
def test_every_layout_of_tokens_is_put_in_place(batch, words, grid):
    frames, height, width = grid
    video = torch.arange(float(batch * frames * height * width)).reshape(batch, *grid)
    text = torch.full((batch, words), -1.0)
    layouts = {
        "rows of frames": ("spatial", video.reshape(batch * frames, -1)),
        "rows of places": ("temporal", video.permute(0, 2, 3, 1).reshape(-1, frames)),
        "rows of videos": ("spatial", video.reshape(batch, -1)),
        "text first": ("spatial", torch.cat([text, video.reshape(batch, -1)], dim=1)),
    }
    if frames == 1:  # A row of a video with its text could be a row of a frame: no such model.
        del layouts["text first"]
    for name, (branch, values) in layouts.items():
        assert torch.equal(arranged(values, branch, grid), video.mean(0)), name


def test_tokens_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"3 rows of 7 tokens .* no video of 4 frames of 2 x 3"):
        arranged(torch.zeros(3, 7), "temporal", (4, 2, 3))


def test_there_is_no_change_from_one_transformer_to_another():
    maps = AttentionMaps(depth=1, calls=3, grid=(1, 1, 2))
    for call in range(3):
        output = torch.full((1, 2, 8), float(call))
        maps.observe(shown(SPATIAL, 0, call, output, None, output, begins=call < 2))
    before, after = maps.tensors()["spatial"][0]
    assert np.isnan(before).all()
    assert (after == 1).all()


def test_the_change_lies_where_it_happened():
    maps = AttentionMaps(depth=1, calls=3, grid=(2, 2, 2))
    outputs = torch.zeros(3, 2, 4, 8)
    outputs[1, 1, 2] = 4.0  # Second frame, lower left.
    outputs[2] = outputs[1]
    for call, output in enumerate(outputs):
        maps.observe(shown(SPATIAL, 0, call, output, None, output))
    found = maps.tensors()
    assert found["steps"].tolist() == [1, 2]
    assert found["blocks"].tolist() == [0]
    expected = np.zeros((2, 2, 2))
    expected[1, 1, 0] = 4
    np.testing.assert_array_equal(found["spatial"][0], [expected, np.zeros((2, 2, 2))])


def test_lanes_are_compared_with_themselves_and_averaged():
    outputs = torch.arange(2.0 * 3 * 4).reshape(2, 3, 1, 4, 1) ** 2  # Lanes, calls, rows, tokens.
    both = AttentionMaps(depth=1, calls=3, grid=(1, 2, 2))
    alone = [AttentionMaps(depth=1, calls=3, grid=(1, 2, 2)) for _ in outputs]
    for call in range(3):
        for lane, maps in enumerate(alone):
            output = outputs[lane, call]
            both.observe(shown(SPATIAL, 0, call, output, None, output, lane))
            maps.observe(shown(SPATIAL, 0, call, output, None, output))
    own = [maps.tensors()["spatial"] for maps in alone]
    np.testing.assert_array_equal(both.tensors()["spatial"], (own[0] + own[1]) / 2)
    assert not np.array_equal(*own)


def test_stages_and_blocks_of_a_long_sampling():
    maps = AttentionMaps(depth=28, calls=50, grid=(1, 1, 1))
    assert maps.steps == (1, 7, 24, 42, 49)
    assert maps.blocks == (0, 14, 27)


class AllOutputs:
    """Keeps everything, for comparison."""

    def start_video(self):
        self.kept = {}

    def observe(self, output):
        self.kept[output.group, output.block, output.call] = output.ungated.clone()


@pytest.mark.parametrize("name", SYSTEMS)
def test_maps_of_every_system_are_those_of_its_outputs(name, tmp_path):
    sampler = SYSTEMS[name](tmp_path).sampler
    architecture, noise = sampler.architecture, sampler.noise(0)
    times = sampler.timesteps(STEPS)
    plan = make_plan(Rules(), times, architecture.depth, architecture.groups)
    maps = AttentionMaps(
        architecture.depth, plan.calls, token_grid(architecture.transformer, noise.shape)
    )
    everything = AllOutputs()
    with Engine(architecture, plan, observers=[maps, everything]):
        sampler.denoise(sampler.encode(PROMPT), noise, STEPS, 4.0, lambda step: None)
    found = maps.tensors()
    assert set(found) == {"steps", "blocks", *(group.name for group in architecture.groups)}
    frames, height, width = token_grid(architecture.transformer, noise.shape)
    for group in architecture.groups:
        for place, block in enumerate(maps.blocks):
            for stage, step in enumerate(maps.steps):
                before, now = (everything.kept[group, block, s] for s in (step - 1, step))
                values = (now - before).abs().mean(-1)
                if name == "cogvideox":  # The text comes first.
                    values = values[:, -frames * height * width :]
                own = found[group.name][place, stage]
                assert own.shape == (frames, height, width)
                assert own.dtype == np.float32
                assert own.mean() == pytest.approx(values.mean().item(), rel=1e-4)
