from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pab_bench.compare.frame_folders import in_order, read_frame_folder
from pab_bench.compare.sources import read_video
from pab_bench.compare.video import UnreadableVideo

FRAMES = np.random.default_rng(0).integers(0, 256, (12, 8, 10, 3), dtype=np.uint8)


def write(folder, names, frames=FRAMES):
    folder.mkdir(exist_ok=True)
    for name, frame in zip(names, frames, strict=False):
        Image.fromarray(frame).save(folder / name)


@pytest.mark.parametrize(
    "name",
    [
        "{:04d}.png",
        "frame{}.png",
        "v2_frame{}.png",
        "2x_{}_of_12.png",
        "Frame ({}).PNG",
        "shot1-frame{}-768x512.png",
    ],
)
@pytest.mark.parametrize("first", [0, 1, 95])
def test_the_order_is_that_of_the_numbers(name, first, tmp_path):
    write(tmp_path / "v", [name.format(first + number) for number in range(12)])
    (tmp_path / "v" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "v" / "._frame3.png").write_bytes(b"x")
    (tmp_path / "v" / "Thumbs.db").write_bytes(b"x")
    assert np.array_equal(read_video(tmp_path / "v").frames, FRAMES)


def test_widths_and_cases_may_be_mixed(tmp_path):
    names = ["frame08.png", "Frame9.png", "frame10.png", "FRAME11.png", "frame0012.png"]
    write(tmp_path / "v", names)
    assert np.array_equal(read_video(tmp_path / "v").frames, FRAMES[:5])


def test_several_numbers_that_are_padded(tmp_path):
    names = [f"frame_{number:02d}_t{number / 8:.3f}.png" for number in range(12)]
    write(tmp_path / "v", names)
    assert np.array_equal(read_video(tmp_path / "v").frames, FRAMES)


def test_steps(tmp_path):
    write(tmp_path / "v", [f"{number}.png" for number in range(0, 120, 10)])
    video = read_frame_folder(tmp_path / "v")
    assert video.step == 10
    assert np.array_equal(video.frames, FRAMES)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["1.png", "2.png", "4.png", "5.png", "8.png"], "between 1 and 8: number 3, 6, 7$"),
        ([f"f{n}.png" for n in (*range(5), *range(20, 25))], "number 5, 6, 7, 8, 9, ...$"),
        (["1.png", "01.png"], "01.png and 1.png are the same frame by their number"),
        (["1.png", "1.bmp"], "1.bmp and 1.png are the same frame"),
        (["a1.png", "a2.png", "thumbnail.png"], "2 kinds: a1.png .2., thumbnail.png .1."),
        (["l_1.png", "l_2.png", "r_1.png", "r_2.png"], "2 kinds: l_1.png .2., r_1.png .2."),
        (["cat.png", "dog.png"], "names differ only in a number, got 2 kinds"),
        (["t0.5.png", "t0.25.png", "t1.0.png"], "not clear: several numbers differ"),
        (["s1f9.png", "s1f10.png", "s2f1.png"], "not clear: several numbers differ"),
    ],
)
def test_an_order_that_is_not_clear_is_refused(names, message):
    with pytest.raises(UnreadableVideo, match=message):
        in_order([Path(name) for name in names], Path("v"))


def test_a_frame_that_is_no_image_is_named(tmp_path):
    write(tmp_path / "v", ["0.png", "1.png", "2.png"])
    (tmp_path / "v" / "1.png").write_bytes(b"")
    with pytest.raises(UnreadableVideo, match=r"1\.png: is empty \(0 bytes\)"):
        read_video(tmp_path / "v")
    whole = (tmp_path / "v" / "2.png").read_bytes()
    (tmp_path / "v" / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableVideo, match=r"1\.png: cannot be read as an image: "):
        read_video(tmp_path / "v")


def test_a_frame_of_another_size_is_named(tmp_path):
    write(tmp_path / "v", ["0.png", "1.png"])
    Image.fromarray(FRAMES[2][:6]).save(tmp_path / "v" / "2.png")
    with pytest.raises(
        UnreadableVideo, match=r"2\.png: expected .* it has 6 x 10 .*0\.png has 8 x"
    ):
        read_video(tmp_path / "v")
