import numpy as np
import pytest
from PIL import Image

from pab_bench.compare.sources import is_still, read_video
from pab_bench.compare.video import UnreadableVideo

# Few colours, of which a GIF loses none.
RANDOM = np.random.default_rng(0).integers(0, 4, (6, 8, 10, 3), dtype=np.uint8) * 80
FRAMES = RANDOM[[0, 1, 2, 2, 2, 3, 4, 4, 5]]
LOSSLESS = {".gif": {}, ".webp": {"lossless": True}, ".png": {}, ".apng": {"format": "PNG"}}


def write(path, frames, duration, **options):
    images = [Image.fromarray(frame) for frame in frames]
    options = {**LOSSLESS[path.suffix], **options}
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration, **options)
    return path


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("duration", [125, 40, 100])
def test_equal_neighbours_come_back(suffix, duration, tmp_path):
    path = write(tmp_path / f"v{suffix}", FRAMES, duration)
    assert Image.open(path).n_frames < len(FRAMES)  # They were merged.
    video = read_video(path)
    assert np.array_equal(video.frames, FRAMES)
    assert video.frames_per_second == pytest.approx(1000 / duration, rel=0.03)
    (note,) = video.notes
    assert note.startswith("6 frames repeated by their durations to 9, ")


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_constant_rate_needs_no_note(suffix, tmp_path):
    video = read_video(write(tmp_path / f"v{suffix}", RANDOM, 100))
    assert np.array_equal(video.frames, RANDOM)
    assert video.frames_per_second == pytest.approx(10)
    assert video.notes == ()


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_durations_that_are_no_multiples_are_refused(suffix, tmp_path):
    path = write(tmp_path / f"v{suffix}", RANDOM[:3], [330, 500, 710])
    with pytest.raises(
        UnreadableVideo, match=r"variable frame rate: its 3 frames .* 330 to 710 ms"
    ):
        read_video(path)


def test_partial_frames_are_laid_over_each_other(tmp_path):
    frames = np.repeat(RANDOM[:1], 4, axis=0)
    for number in range(4):
        frames[number, number, :3] = 255
    for disposal in (0, 1, 2):
        path = write(tmp_path / f"{disposal}.gif", frames, 100, disposal=disposal)
        assert np.array_equal(read_video(path).frames, frames)


def test_transparency_is_refused(tmp_path):
    images = []
    for number in range(3):
        image = Image.fromarray(RANDOM[number])
        alpha = np.full((8, 10), 255, np.uint8)
        alpha[number, :2] = 0
        image.putalpha(Image.fromarray(alpha))
        images.append(image)
    for name in ("v.gif", "v.webp", "v.png"):
        options = {} if name == "v.gif" else LOSSLESS[f".{name[2:]}"]
        images[0].save(tmp_path / name, save_all=True, append_images=images[1:], **options)
        with pytest.raises(UnreadableVideo, match=r"frame 0: has transparent pixels \(2 with"):
            read_video(tmp_path / name)


def test_the_picture_for_programs_that_do_not_animate_is_no_frame(tmp_path):
    write(tmp_path / "v.png", [255 - RANDOM[0], *RANDOM], 100, default_image=True)
    assert np.array_equal(read_video(tmp_path / "v.png").frames, RANDOM)


def test_stills_are_told_from_animations(tmp_path):
    Image.fromarray(RANDOM[0]).save(tmp_path / "a.webp")
    assert is_still(tmp_path / "a.webp")
    assert not is_still(write(tmp_path / "b.webp", RANDOM, 100))


def test_an_animation_among_frames_is_refused(tmp_path):
    (tmp_path / "v").mkdir()
    Image.fromarray(RANDOM[0]).save(tmp_path / "v" / "0.png")
    write(tmp_path / "v" / "1.png", RANDOM, 100)
    with pytest.raises(UnreadableVideo, match=r"1\.png: holds 6 images, expected one frame"):
        read_video(tmp_path / "v")
