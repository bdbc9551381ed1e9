import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systems.open_sora.small_vae import FIXTURE

from pab_bench.errors import ConfigError
from pab_bench.problems import Problems
from pab_bench.systems.open_sora import sizes

FACTS = json.loads((FIXTURE / "facts.json").read_text())


def test_the_table_is_upstreams():
    golden = {(row[0], row[1]): (row[4], row[5]) for row in FACTS["size_table"]}
    ours = {
        (resolution, ratio): sizes.size(resolution, ratio)
        for resolution, ratios in sizes.SIZES.items()
        for ratio in ratios
    }
    assert ours == golden
    assert FACTS["length_names"] == sizes.LENGTHS


def test_sizes_of_latents_and_tokens_are_upstreams():
    for row in FACTS["size_table"]:
        frames, height, width = row[3:6]
        assert sizes.latent_size(frames, height, width) == tuple(row[6:9])
        assert sizes.patches(height, width) == tuple(row[9:11])
        assert sizes.decoded_size(height, width) == tuple(row[13:15])
    for frames, latent_frames in FACTS["latent_T_examples"].items():
        assert sizes.latent_frames(int(frames)) == latent_frames


@given(st.integers(1, 500), st.integers(1, 40), st.sampled_from([1, 2, 4, 8]))
def test_every_chunk_is_rounded_up_alone(frames, chunk, factor):
    lengths = [min(chunk, frames - start) for start in range(0, frames, chunk)]
    expected = sum((length + factor - 1) // factor for length in lengths)
    assert sizes.latent_frames(frames, chunk, factor) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sizes.size("480", "1:1"), "resolution=480: must be one of 144p.*mean '480p'"),
        (lambda: sizes.size("480p", "9:61"), "aspect_ratio=9:61: must be one of 9:16, .*'9:16'"),
        (lambda: sizes.frames_of("3s"), "length=3s: must be one of 1x, .*32s"),
    ],
)
def test_unknown_names_are_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


@given(st.integers(-3, 60))
def test_frames_below_a_chunk_are_refused_but_for_an_image(frames):
    if frames == 1 or frames >= 17:
        sizes.check_frames(frames)
    else:
        with pytest.raises(ConfigError, match=f"num_frames={frames}: must be 1 .* at least 17"):
            sizes.check_frames(frames)


@pytest.mark.parametrize("pixels", [16, 64, 512, 854, 426, 165])
def test_sides_that_are_possible(pixels):
    sizes.check_side("width", pixels)


@pytest.mark.parametrize("pixels", [-16, 0, 8, 15, 60, 850])
def test_sides_that_are_not(pixels):
    with pytest.raises(ConfigError, match=f"width={pixels}: must be at least 16 and divisible by"):
        sizes.check_side("width", pixels)


def test_only_sizes_outside_the_table_get_a_notice():
    for ratios in sizes.SIZES.values():
        for height, width in ratios.values():
            assert sizes.size_notice(height, width) is None
    assert "height=64 width=64 is not in" in sizes.size_notice(64, 64)


def test_a_configuration_is_told_everything_at_once():
    problems = Problems("model")
    sizes.check_video(16, 60, 64, problems)
    assert [problem.setting for problem in problems.found] == ["model.frames=16", "model.height=60"]
    assert problems.notices == []
    problems = Problems("model")
    sizes.check_video(17, 64, 64, problems)
    assert (problems.found, len(problems.notices)) == ([], 1)
    problems = Problems("model")
    sizes.check_video(51, 480, 854, problems)
    assert (problems.found, problems.notices) == ([], [])
