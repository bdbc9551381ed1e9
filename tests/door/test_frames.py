from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pab_bench.compare.video import UnreadableVideo
from pab_bench.door.frames import LAYOUTS, Form, footage_of, videos_of
from pab_bench.metrics.base import InvalidVideo
from pab_bench.store.mp4 import write_mp4

PLAIN = Form()
shapes = st.tuples(
    st.integers(1, 5), st.integers(4, 9), st.integers(4, 9), st.just(3)
)  # Frames, height, width, channels.
videos = shapes.flatmap(lambda shape: arrays(np.uint8, shape))


def frames_of(value, form=PLAIN):
    frames = footage_of(value, form).frames
    assert frames.dtype == np.uint8
    assert frames.flags.c_contiguous
    return frames


def in_layout(video, layout):
    return np.ascontiguousarray(video.transpose(["FHWC".index(axis) for axis in layout]))


def same(value, video, form=PLAIN):
    assert np.array_equal(frames_of(value, form), video)


@given(videos, st.sampled_from(LAYOUTS))
def test_every_layout_gives_the_same_bytes(video, layout):
    value = in_layout(video, layout)
    same(value, video, Form(layout))
    same(torch.from_numpy(value), video, Form(layout))
    same(value[None], video, Form(layout))
    if layout == "FHWC" or (len(video) != 3):
        same(value, video)


@given(videos, st.sampled_from([(0, 1), (-1, 1), (0, 255), (-3, 2)]), st.sampled_from([32, 64]))
def test_every_range_gives_the_same_bytes(video, value_range, bits):
    low, high = value_range
    value = (video / 255 * (high - low) + low).astype(f"float{bits}").clip(low, high)
    same(value, video, Form(value_range=value_range))
    same(torch.from_numpy(value), video, Form(value_range=value_range))
    if value_range == (0, 1):
        same(value, video)


@given(videos)
def test_images_give_the_same_bytes(video):
    same([Image.fromarray(frame) for frame in video], video)
    same([Image.fromarray(frame) for frame in video], video, Form("FCHW", (-1, 1)))
    same(list(video), video)
    same([torch.from_numpy(frame) for frame in video], video)
    same([[Image.fromarray(frame) for frame in video]], video)


@given(arrays(np.float32, (2, 4, 5, 3), elements=st.floats(0, 1, width=32)))
def test_floats_are_rounded_as_samplers_do(video):
    same(video, (video * 255).round())
    half = torch.from_numpy(video).half()
    same(half, (half.float().numpy() * 255).round())


def test_what_pipelines_return(latte):
    expected = frames_of(latte.make(output="np"))
    for output in ("np", "pt", "pil"):
        frames = latte.make(output=output)
        (video,) = videos_of(SimpleNamespace(frames=frames), PLAIN, "video")
        assert np.array_equal(video.frames, expected)
        (video,) = videos_of((frames,), PLAIN, "video")
        assert np.array_equal(video.frames, expected)
    with pytest.raises(InvalidVideo, match="latents must be decoded first"):
        frames_of(latte.make())


def made(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


def test_files(tmp_path):
    video = made()
    np.save(tmp_path / "video.npy", video)
    same(tmp_path / "video.npy", video)
    (tmp_path / "images").mkdir()
    for number, frame in enumerate(video):
        Image.fromarray(frame).save(tmp_path / "images" / f"{number}.png")
    same(str(tmp_path / "images"), video)
    write_mp4(tmp_path / "video.mp4", video)
    found = footage_of(tmp_path / "video.mp4", PLAIN)
    assert found.frames.shape == video.shape
    assert found.frames_per_second == 8
    with pytest.raises(InvalidVideo, match="give the folder"):
        frames_of(tmp_path / "images" / "0.png")
    with pytest.raises(InvalidVideo, match="does not exist"):
        frames_of("nowhere.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(UnreadableVideo):
        frames_of(tmp_path / "broken.mp4")


def test_several_videos():
    one, other = made(), made(1)
    for value in ([one, other], (one[None], torch.from_numpy(other)), [list(one), list(other)]):
        found = videos_of(value, PLAIN, "video")
        assert [np.array_equal(a.frames, b) for a, b in zip(found, (one, other), strict=True)]
    assert len(videos_of(list(one), PLAIN, "video")) == 1


def image(mode):
    return Image.new(mode, (8, 8))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((2, 3, 8, 3), np.uint8), "could be FHWC or FCHW; pass layout='FHWC'"),
        (np.zeros((3, 3, 8, 8), np.uint8), "could be FCHW or CFHW; pass layout='FCHW'"),
        (np.zeros((2, 8, 8, 1), np.uint8), "got shape .* grey frames become RGB"),
        (np.zeros((2, 1, 8, 8), np.uint8), "grey frames become RGB"),
        (np.zeros((2, 8, 8, 4), np.uint8), "leave the alpha channel out"),
        (np.zeros((2, 8, 8, 5), np.uint8), "expected an axis of 3 colours"),
        (np.zeros((2, 2, 8, 8, 3), np.uint8), "a batch of 2 videos"),
        (np.zeros((8, 8, 3), np.uint8), r"expected 4 axes .* a single frame is frame\[None\]"),
        (np.zeros((2, 8, 8), np.uint8), "expected 4 axes"),
        (np.zeros((0, 8, 8, 3), np.uint8), "without empty axes"),
        (np.zeros((2, 8, 8, 3), np.int64), r"got int64; .*astype\('uint8'\)"),
        (np.zeros((2, 8, 8, 3), bool), "expected uint8 or floats, got bool"),
        (np.full((2, 8, 8, 3), np.nan), "NaN or infinite"),
        (np.full((2, 8, 8, 3), -0.5), r"-0\.5 to 1; pass value_range=\(-1, 1\)"),
        (np.full((2, 8, 8, 3), 200.0), r"0 to 200; pass value_range=\(0, 255\)"),
        (np.full((2, 8, 8, 3), -200.0), r"pass value_range=\(black, white\)"),
        ([image("L")], r"got L; image\.convert\('RGB'\)"),
        ([image("RGBA")], "expected RGB images, got RGBA"),
        ([image("RGB"), Image.new("RGB", (8, 9))], "frames of one size and dtype"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3))], "frames of one size and dtype"),
        ([image("RGB"), "frame.png"], "expected a list of images"),
        ([], "got nothing"),
        (image("RGB"), "expected 4 axes"),
        (7, "expected an array, a tensor, a list of images, a path, or what a pipeline returns"),
    ],
)
def test_what_is_ambiguous_or_no_video_is_refused(value, message):
    with pytest.raises(InvalidVideo, match=message):
        footage_of(value, PLAIN)


def test_what_is_said_is_checked():
    with pytest.raises(InvalidVideo, match="layout='HWC': expected one of FHWC, FCHW, CFHW"):
        Form("HWC")
    with pytest.raises(InvalidVideo, match="black below white"):
        Form(value_range=(1, 0))
    with pytest.raises(InvalidVideo, match="expected 3 channels in layout FCHW"):
        footage_of(made(), Form("FCHW"))
    with pytest.raises(InvalidVideo, match=r"expected floats from -1 to 1, got -2 to 1$"):
        footage_of(np.full((2, 8, 8, 3), -2.0), Form(value_range=(-1, 1)))
    with pytest.raises(InvalidVideo, match="empty list"):
        videos_of([], PLAIN, "video")
