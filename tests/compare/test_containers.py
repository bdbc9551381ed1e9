"""Video files of every kind, written here by PyAV, and decoded by ffmpeg for comparison."""

import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import numpy as np
import pytest

from pab_bench.compare.sources import read_video
from pab_bench.compare.video import UnreadableVideo

HEIGHT, WIDTH = 32, 48
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def moving(frames=12, height=HEIGHT, width=WIDTH):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 5 + n / 3) * 60 + np.cos(y / 7) * 40 + 120 for n in range(frames)]
    grey = np.stack(waves)[..., None]
    return np.clip(grey + np.array([0, 25, -25]), 0, 255).astype(np.uint8)


def write(
    path,
    frames,
    *,
    rate=8,
    codec="libx264",
    pixels="yuv420p",
    ticks=None,
    timescale=1000,
    **options,
):
    """Write frames that are shown from `ticks` on; the last entry is where the last one ends."""
    ticks = ticks or [n * timescale // 8 for n in range(len(frames) + 1)]
    container_options = options.pop("container", {})
    with av.open(str(path), "w", container_options=container_options) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = stream.time_base = Fraction(1, timescale)
        for n, pixel in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixel, "rgb24" if pixel.shape[-1] == 3 else "rgba")
            frame.pts, frame.time_base = ticks[n], Fraction(1, timescale)
            frame.duration = ticks[n + 1] - ticks[n]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def by_ffmpeg(path, *options, to="out.mkv"):
    """The file that ffmpeg makes of another."""
    made = path.with_name(to)
    command = [FFMPEG, "-y", "-v", "error", *options, str(made)]
    subprocess.run([FFMPEG if part is None else part for part in command], check=True)
    return made


def decoded_by_ffmpeg(path, shape):
    command = [FFMPEG, "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(shape)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mp4", {}),
        ("v.MKV", {"container": {"f": "matroska"}}),
        ("v.webm", {"codec": "libvpx-vp9"}),
        ("v.mov", {"codec": "mpeg4"}),
        ("v.mp4", {"pixels": "yuv444p"}),
        ("v.mp4", {"pixels": "yuvj420p"}),  # Full range.
        ("v.mp4", {"pixels": "yuv420p10le"}),
        ("v.mkv", {"codec": "ffv1", "pixels": "gray"}),
        ("odd.webm", {"codec": "libvpx-vp9"}),
    ],
)
def test_pixels_are_those_of_ffmpeg(name, options, tmp_path):
    path = tmp_path / name
    options = dict(options)
    if options.get("container"):  # The suffix in capitals says nothing to FFmpeg.
        write(tmp_path / "v.mkv", moving()).rename(path)
    else:
        write(path, moving(height=31, width=47) if name == "odd.webm" else moving(), **options)
    video = read_video(path)
    assert video.frames.shape == (12, *((31, 47) if name == "odd.webm" else (32, 48)), 3)
    assert np.array_equal(video.frames, decoded_by_ffmpeg(path, video.frames.shape))
    assert video.frames_per_second == pytest.approx(8)
    ten = options.get("pixels") == "yuv420p10le"
    assert video.notes == (("yuv420p10le: 10 bits a channel reduced to 8",) if ten else ())


def test_full_and_limited_range_are_one_picture(tmp_path):
    limited = read_video(write(tmp_path / "limited.mp4", moving(), crf="5")).frames
    full = read_video(write(tmp_path / "full.mp4", moving(), pixels="yuvj420p", crf="5")).frames
    assert np.abs(limited.astype(int) - full).mean() < 2


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_frames_that_last_longer_are_repeated(suffix, tmp_path):
    kept = [0, 1, 2, 3, 8, 9, 10]
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    ticks = [125 * n for n in (*kept, 11)]
    path = write(tmp_path / f"v.{suffix}", moving()[kept], ticks=ticks, codec=codec)
    video = read_video(path)
    shown = [0, 1, 2, 3, 3, 3, 3, 3, 4, 5, 6]
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.array_equal(video.frames, np.stack(frames)[shown])
    assert video.frames_per_second == pytest.approx(8)
    assert video.notes == (
        "variable frame rate: 7 frames repeated by their times to 11, 8 a second",
    )


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_variable_frame_rate_is_refused_with_what_helps(suffix, tmp_path):
    ticks = [0, 33, 83, 154, 187, 260, 298, 360, 415, 480, 530, 590, 650]
    path = write(tmp_path / f"v.{suffix}", moving(), ticks=ticks)
    with pytest.raises(
        UnreadableVideo, match=r"variable frame rate: its 12 frames .* ffmpeg -i v\.m.* -vf fps=\d+"
    ):
        read_video(path)


@pytest.mark.parametrize("rate", [24, 30, 60, 120])
def test_milliseconds_are_a_constant_rate(rate, tmp_path):
    ticks = [round(1000 * n / rate) for n in range(13)]
    video = read_video(write(tmp_path / "v.mkv", moving(), ticks=ticks, rate=rate))
    assert len(video.frames) == 12
    assert video.notes == ()
    assert video.frames_per_second == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize(
    "options",
    [
        ["-display_rotation", "90"],
        ["-display_rotation", "180"],
        ["-display_rotation", "270"],
        ["-display_hflip"],
        ["-display_rotation", "90", "-display_vflip"],
    ],
)
def test_videos_are_turned_as_they_are_shown(options, tmp_path):
    plain = write(tmp_path / "v.mp4", moving(3))
    path = by_ffmpeg(plain, *options, "-i", str(plain), "-c", "copy", to="turned.mp4")
    quarter = {"90", "270"} & {*options}
    frames = read_video(path).frames
    assert frames.shape == ((3, 48, 32, 3) if quarter else (3, 32, 48, 3))
    assert np.array_equal(frames, decoded_by_ffmpeg(path, frames.shape))
    assert not np.array_equal(frames, read_video(plain).frames)


def test_other_angles_are_refused(tmp_path):
    plain = write(tmp_path / "v.mp4", moving(3))
    path = by_ffmpeg(
        plain, "-display_rotation", "45", "-i", str(plain), "-c", "copy", to="turned.mp4"
    )
    with pytest.raises(UnreadableVideo, match="angle that is no quarter turn"):
        read_video(path)


@pytest.mark.parametrize("alpha", [255, 128])
def test_alpha(alpha, tmp_path):
    frames = np.concatenate([moving(3), np.full((3, HEIGHT, WIDTH, 1), alpha, np.uint8)], axis=-1)
    path = write(tmp_path / "v.mov", frames, codec="png", pixels="rgba")
    if alpha == 255:
        assert np.array_equal(read_video(path).frames, frames[..., :3])
    else:
        with pytest.raises(UnreadableVideo, match=r"v\.mov, frame 0: has transparent pixels"):
            read_video(path)


def audio(path, *more):
    return by_ffmpeg(path, "-f", "lavfi", "-i", "sine=d=1", *more, to=path.name)


def test_files_without_a_video(tmp_path):
    path = audio(tmp_path / "audio.mp4")
    with pytest.raises(UnreadableVideo, match=r"has no video stream, only: audio$"):
        read_video(path)
    from PIL import Image

    cover = tmp_path / "cover.png"
    Image.fromarray(moving(1)[0]).save(cover)
    more = ["-i", str(cover), "-map", "0", "-map", "1", "-c:v", "copy"]
    path = audio(tmp_path / "song.mp4", *more, "-disposition:v:0", "attached_pic")
    with pytest.raises(UnreadableVideo, match=r"only: audio, attached picture$"):
        read_video(path)


def test_sound_beside_the_video_does_not_matter(tmp_path):
    plain = write(tmp_path / "v.mp4", moving())
    for suffix in ("mp4", "mkv"):
        path = audio(tmp_path / f"sound.{suffix}", "-i", str(plain), "-map", "1", "-map", "0")
        assert len(read_video(path).frames) == 12


def test_several_videos_in_a_file_are_refused(tmp_path):
    plain = str(write(tmp_path / "v.mp4", moving(3)))
    both = ["-i", plain, "-i", plain, "-map", "0", "-map", "1", "-c", "copy"]
    path = by_ffmpeg(tmp_path / "v.mp4", *both, to="two.mp4")
    with pytest.raises(UnreadableVideo, match="has 2 video streams, expected one"):
        read_video(path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("v.mp4", {"container": {"movflags": "+faststart"}}),
        ("v.mkv", {}),
        ("v.webm", {"codec": "libvpx-vp9"}),
        ("v.avi", {"codec": "mpeg4", "timescale": 8, "ticks": list(range(13))}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.85])
def test_truncated_files_are_refused(name, options, share, tmp_path):
    path = write(tmp_path / name, moving(), **dict(options))
    assert len(read_video(path).frames) == 12
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UnreadableVideo, match=r"truncated"):
        read_video(path)


def test_damage_within_a_file_is_refused(tmp_path):
    path = write(tmp_path / "v.mp4", moving(), container={"movflags": "+faststart"}, crf="5")
    content = bytearray(path.read_bytes())
    middle = content.index(b"mdat") + (len(content) - content.index(b"mdat")) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(UnreadableVideo, match="damaged"):
        read_video(path)


@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile '{}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
        "v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    ],
    ids=["concat", "play list", "session"],
)
def test_what_names_other_videos_is_refused(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "other.mp4", moving(3))
    (tmp_path / "v.mp4").write_text(content.format("other.mp4"))
    with pytest.raises(UnreadableVideo, match=r"v\.mp4: cannot be read: damaged, truncated or no"):
        read_video(tmp_path / "v.mp4")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    import os

    (tmp_path / "empty.mp4").touch()
    (tmp_path / "broken.mp4").symlink_to(tmp_path / "nowhere.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, reason in (
        ("empty", r"is empty \(0 bytes\)"),
        ("broken", "does not exist, or is a broken link"),
        ("pipe", "is no regular file"),
    ):
        with pytest.raises(UnreadableVideo, match=rf"{name}\.mp4: {reason}"):
            read_video(tmp_path / f"{name}.mp4")
