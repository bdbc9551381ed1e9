"""The world of crossing objects: its captions, its renderer and the checker that reads it."""

import dataclasses

import numpy as np
import pytest
import torch

from pab_bench.minis.crossing.camera import camera_path
from pab_bench.minis.crossing.captions import (
    ATTRIBUTES,
    BACKGROUNDS,
    CAMERAS,
    DIRECTIONS,
    HELD_OUT_ONE_IN,
    WORDS,
    CrossingCaption,
    caption_of,
    draw_any_caption,
    draw_caption,
    held_out_captions,
    vocabulary,
)
from pab_bench.minis.crossing.checker import CrossingReading, hit_rates, read_video, validate
from pab_bench.minis.crossing.objects import HEADING
from pab_bench.minis.crossing.photographs import photograph
from pab_bench.minis.crossing.render import FRAMES, SIDE, render, sample_clips

CAPTION = CrossingCaption(
    *("red", "plain", "square", "down"),
    *("green", "spotted", "circle", "left"),
    *("grass", "zooms in"),
)


def generator(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def drawn(count, seed=0):
    random = generator(seed)
    return [draw_any_caption(random) for _ in range(count)]


def with_values(**values):
    return dataclasses.replace(CAPTION, **values)


@pytest.fixture(scope="module")
def clips():
    return render(held_out_captions(12), generator(3))


def test_a_caption_has_a_fixed_form_and_closed_words():
    assert CAPTION.text == (
        "a red plain square moves down in front of a green spotted circle that moves left "
        "over grass while the camera zooms in"
    )
    words = vocabulary()
    used = {word for caption in drawn(500) for word in caption.text.split()}
    assert used == set(words)
    assert len(words) == len(set(words)) == 37
    assert {len(caption.text.split()) for caption in drawn(500)} == {WORDS}


def test_captions_can_be_kept_as_numbers():
    for caption in drawn(50):
        assert caption_of(torch.tensor(caption.indices())) == caption


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"back_colour": "red"}, "back_colour 'red'"),
        ({"back_direction": "down"}, "back_direction 'down'"),
        ({"camera": "rolls"}, "camera 'rolls'"),
        ({"background": "coffee"}, "'launchpad'"),
    ],
)
def test_a_caption_outside_the_world_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        with_values(**values)


def test_every_value_is_drawn_equally_often():
    captions = drawn(3000)
    for name, values in ATTRIBUTES.items():
        counts = [sum(getattr(c, name) == value for c in captions) for value in values]
        assert min(counts) > 0.8 * len(captions) / len(values)


def test_held_out_captions_are_a_stable_share_that_training_never_draws():
    captions = drawn(2000)
    share = sum(caption.held_out for caption in captions) / len(captions)
    assert share == pytest.approx(1 / HELD_OUT_ONE_IN, abs=0.02)
    random = generator(1)
    assert not any(draw_caption(random).held_out for _ in range(200))
    held_out = held_out_captions(20)
    assert len(set(held_out)) == 20
    assert all(caption.held_out for caption in held_out)
    assert held_out_captions(5) == held_out[:5]
    assert held_out[0].text == (
        "a green striped triangle moves left in front of a red spotted square that moves down "
        "over launchpad while the camera pans left"
    )


def test_clips_are_seeded_and_in_range():
    one, same, other = (sample_clips(3, seed=1, index=i) for i in (4, 4, 5))
    assert one.captions == same.captions
    assert torch.equal(one.video, same.video)
    assert one.captions != other.captions
    assert one.video.shape == (3, FRAMES, SIDE, SIDE, 3)
    assert one.mask.shape == (3, FRAMES, SIDE, SIDE)
    for values in (one.video, one.mask):
        assert values.dtype == torch.float32
        assert 0 <= values.min() <= values.max() <= 1
    some = sample_clips(3, seed=1, index=4, frames=[0, 7])
    torch.testing.assert_close(some.video, one.video[:, [0, 7]])


def test_a_clip_does_not_depend_on_its_batch():
    captions = drawn(6)
    random = generator(2)
    alone = [render([caption], random, frames=[0, 8]) for caption in captions]
    together = render(captions, generator(2), frames=[0, 8])
    torch.testing.assert_close(together.video, torch.cat([c.video for c in alone]))
    torch.testing.assert_close(together.mask, torch.cat([c.mask for c in alone]))


def test_all_drawing_is_on_the_device_that_is_asked_for():
    """The meta device refuses to mix its tensors with those of the CPU."""
    drawn_there = render(drawn(12), generator(), frames=[0], device="meta")
    assert drawn_there.video.device.type == drawn_there.mask.device.type == "meta"
    assert drawn_there.video.shape == (12, 1, SIDE, SIDE, 3)


def test_photographs_are_darker_than_objects():
    for name in BACKGROUNDS:
        assert photograph(name).max() <= 0.7
    with pytest.raises(ValueError, match="allowed are"):
        photograph("coffee")


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_camera_moves_the_background(camera):
    """Where no object is, a frame is the first one's crop moved as the camera says."""
    video = render([with_values(camera=camera)], generator(), frames=[0, 2]).video[0]
    corner = video[:, :10, :14]
    if camera == "stays still":
        torch.testing.assert_close(corner[0], corner[1])
    else:
        assert (corner[0] - corner[1]).abs().mean() > 0.02
    if camera.startswith("pans"):
        pixels = {"pans right": 3, "pans left": -3}[camera]
        moved = torch.roll(video[0], -pixels, dims=1)
        torch.testing.assert_close(moved[:10, 4:14], corner[1][:, 4:], atol=1e-4, rtol=0)


def test_a_zoom_in_is_a_zoom_out_backwards():
    progress = torch.linspace(-0.5, 0.5, FRAMES)
    _, wider = camera_path("zooms out", progress)
    _, narrower = camera_path("zooms in", progress)
    torch.testing.assert_close(wider.flip(0), narrower)
    assert narrower[0] > 1 > narrower[-1]


def centres(covered):
    """Centres of mass (x, y) over time of coverage (frames, SIDE, SIDE)."""
    pixel = torch.arange(SIDE)
    weight = covered.sum((1, 2))
    x, y = (covered.sum(1) * pixel).sum(1), (covered.sum(2) * pixel).sum(1)
    return torch.stack([x, y], dim=1) / weight[:, None]


@pytest.mark.parametrize("front", DIRECTIONS)
def test_objects_cross_in_the_middle_the_front_one_on_top(front):
    back = DIRECTIONS[(DIRECTIONS.index(front) + 1) % 4]
    caption = with_values(front_direction=front, back_direction=back, back_pattern="plain")
    clip = render([caption], generator())
    red, green = (clip.video[0, ..., i] - clip.video[0, ..., 1 - i] > 0.6 for i in (0, 1))
    ends = [0, -1]
    for colour, direction in ((red, front), (green, back)):
        heading = torch.tensor(HEADING[direction])
        path = centres(colour[ends].float())
        torch.testing.assert_close(path[1] - path[0], 40 * heading, atol=2, rtol=0)
    middle = clip.mask[0, FRAMES // 2].sum()
    assert middle < 0.75 * clip.mask[0, 0].sum()
    assert red[FRAMES // 2].sum() == pytest.approx(float(red[0].sum()), rel=0.05)
    assert green[FRAMES // 2].sum() < 0.3 * green[0].sum()


def test_the_checker_reads_rendered_clips():
    """Validated on ground truth before it judges a model."""
    assert min(validate(held_out_captions(24)).values()) >= 0.98


def test_the_checker_stands_blur_and_noise(clips):
    noise = torch.randn(clips.video.shape, generator=torch.Generator().manual_seed(0))
    frames = clips.video.flatten(0, 1).permute(0, 3, 1, 2)
    blurred = torch.nn.functional.avg_pool2d(
        frames, 3, stride=1, padding=1, count_include_pad=False
    )
    worse = blurred.permute(0, 2, 3, 1).reshape(clips.video.shape) + 0.04 * noise
    readings = [read_video(video.clamp(0, 1)) for video in worse]
    assert hit_rates(readings, clips.captions)["all"] >= 0.9


def test_a_single_object_is_the_front_one():
    caption = with_values(camera="stays still", front_colour="white", front_pattern="striped")
    clip = render([caption], generator())
    green = (clip.video[0, ..., 1] - clip.video[0, ..., 2] > 0.25)[..., None]
    dark = torch.tensor([0.2, 0.3, 0.15])
    seen = read_video(torch.where(green, dark, clip.video[0]))
    assert seen == CrossingReading(
        "white", "striped", "square", "down", None, None, None, None, seen.background, seen.camera
    )


@pytest.mark.parametrize("slowness", [0.8, 1.25])
def test_the_checker_stands_other_speeds(clips, slowness):
    """A model's objects may be slower or faster than the rendered ones; frames are repeated."""
    time = (torch.linspace(-8, 8, FRAMES) * slowness + 8).round().long().clamp(0, FRAMES - 1)
    readings = [read_video(video[time]) for video in clips.video[:4]]
    rates = hit_rates(readings, clips.captions[:4])
    assert all(rates[name] >= 0.8 for name in ATTRIBUTES)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
def test_the_checker_sees_no_object_on_a_blank_video(value):
    reading = read_video(torch.full((FRAMES, SIDE, SIDE, 3), value))
    objects = [getattr(reading, name) for name in ATTRIBUTES if name[:5] in ("front", "back_")]
    assert objects == [None] * 8
    assert hit_rates([reading], [CAPTION])["all"] == 0


@pytest.mark.parametrize("factor", [1, float("nan")])
def test_noise_is_read_without_an_exception(factor):
    noise = torch.rand(FRAMES, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(0))
    assert read_video(noise * factor).front_colour is None


@pytest.mark.parametrize("shape", [(FRAMES, 32, 32, 3), (4, SIDE, SIDE, 3), (SIDE, SIDE, 3)])
def test_videos_of_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        read_video(torch.zeros(shape))


def test_eight_bit_videos_are_refused():
    with pytest.raises(ValueError, match="floats"):
        read_video(torch.zeros(FRAMES, SIDE, SIDE, 3, dtype=torch.uint8))
