"""Video files, decoded by FFmpeg: as many frames as are shown, as they are shown."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pab_bench.compare.channels import as_rgb
from pab_bench.compare.conversion import Converter
from pab_bench.compare.rhythm import Rhythm, find_rhythm
from pab_bench.compare.turned import turn
from pab_bench.compare.video import DEFAULT_FRAMES_PER_SECOND, UnreadableVideo, Video

VIDEO_FILES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")
_FORMATS = "mov,mp4,matroska,webm,avi,mpeg,mpegts,ogg,asf,flv"
"""What a file may be in truth. Play lists and sessions would open other files and addresses."""
_JITTER = 0.001
"""Seconds by which the times of frames are off in files that count in milliseconds."""


def read_container(path: Path) -> Video:
    """Read a video file.

    A frame that lasts for several intervals of a constant rate is repeated.

    Raises:
        UnreadableVideo: if it is damaged or truncated, if it has no or several video streams, if
            it is transparent, or if its frame rate varies otherwise.
    """
    import av

    try:
        # An open file has no protocol: a name with a colon is no address.
        options = {"format_whitelist": _FORMATS}
        with path.open("rb") as file, av.open(file, options=options) as container:
            return _decoded(container, _stream(container, path), path)
    except av.FFmpegError as error:
        raise UnreadableVideo(
            f"{path}: cannot be read: damaged, truncated or no video ({error.strerror})"
        ) from error


def _stream(container: Any, path: Path) -> Any:
    from av.stream import Disposition

    pictures = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
    found = [s for s in container.streams.video if s not in pictures]
    if len(found) > 1:
        raise UnreadableVideo(
            f"{path}: has {len(found)} video streams, expected one; "
            f"ffmpeg -i {path.name} -map 0:v:0 -c copy FILE keeps the first"
        )
    if not found:
        kinds = [stream.type for stream in container.streams if stream not in pictures]
        kinds += ["attached picture"] * len(pictures)
        raise UnreadableVideo(f"{path}: has no video stream, only: {', '.join(kinds) or 'nothing'}")
    (stream,) = found
    if stream.metadata.get("alpha_mode") == "1":
        raise UnreadableVideo(
            f"{path}: has an alpha channel, which is not read; lay it over a background first"
        )
    return stream


def _decoded(container: Any, stream: Any, path: Path) -> Video:
    # Otherwise FFmpeg fills what is damaged from the frames before.
    stream.codec_context.options = {"err_detect": "crccheck+bitstream+explode"}
    converter = Converter()
    frames: list[npt.NDArray[Any]] = []
    times: list[float] = []
    notes: dict[str, None] = {}
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise UnreadableVideo(f"{path}: frame {len(frames)} is damaged or truncated")
        frames.append(_pixels(frame, converter, f"{path}, frame {len(frames)}"))
        if frames[-1].shape != frames[0].shape:
            raise UnreadableVideo(
                f"{path}: expected frames of one size, got {frames[0].shape[:2]} and, as frame "
                f"{len(frames) - 1}, {frames[-1].shape[:2]} (height, width)"
            )
        if frame.pts is not None:
            times.append(float(frame.pts * frame.time_base))
        notes |= dict.fromkeys(_depth(frame))
    if not frames:
        raise UnreadableVideo(f"{path}: expected at least one frame, got none: truncated?")
    pixels = np.stack(frames)
    if len(times) < len(frames):  # Only files without times: their rate is all that is known.
        return Video(pixels, _average_rate(stream), tuple(notes))
    rhythm = _rhythm(times, stream, path)
    _check_end(container, stream, times[-1] - times[0], rhythm, path)
    if rhythm.constant:
        return Video(pixels, 1 / rhythm.interval, tuple(notes), rate_is_known=True)
    notes[
        f"variable frame rate: {len(frames)} frames repeated by their times to "
        f"{sum(rhythm.repeats)}, {1 / rhythm.interval:.4g} a second"
    ] = None
    pixels = np.repeat(pixels, rhythm.repeats, axis=0)
    return Video(pixels, 1 / rhythm.interval, tuple(notes), rate_is_known=True)


def _pixels(frame: Any, converter: Converter, what: str) -> npt.NDArray[Any]:
    from av.sidedata.sidedata import Type

    if any(part.is_alpha for part in frame.format.components):
        pixels = np.ascontiguousarray(as_rgb(converter.convert(frame, "rgba"), what))
    else:
        pixels = converter.convert(frame, "rgb24")
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return pixels
    turned = turn(pixels, struct.unpack("=9i", bytes(matrix)))
    if turned is None:
        raise UnreadableVideo(f"{what}: is to be shown at an angle that is no quarter turn")
    return turned


def _depth(frame: Any) -> Iterator[str]:
    bits = max(part.bits for part in frame.format.components)
    if bits > 8:
        yield f"{frame.format.name}: {bits} bits a channel reduced to 8"


def _average_rate(stream: Any) -> float:
    return float(stream.average_rate or DEFAULT_FRAMES_PER_SECOND)


def _rhythm(times: Sequence[float], stream: Any, path: Path) -> Rhythm:
    durations = [after - before for before, after in pairwise(times)]
    if not durations:
        return Rhythm(1 / _average_rate(stream), (1,))
    usual = float(np.median(durations))
    durations.append(usual)  # What files say of the last frame is not to be relied on.
    tick = 1.01 * float(stream.time_base)
    rhythm = find_rhythm(durations, max(tick, min(_JITTER, usual / 10)))
    if rhythm is None:
        low, high = (1000 * end for end in (min(durations), max(durations)))
        raise UnreadableVideo(
            f"{path}: variable frame rate: its {len(times)} frames last for {low:.4g} to "
            f"{high:.4g} ms, which are no multiples of one interval; make it constant: ffmpeg -i "
            f"{path.name} -vf fps={round(1 / usual) or 1} -c:v ffv1 {path.stem}.mkv"
        )
    return rhythm


def _check_end(container: Any, stream: Any, span: float, rhythm: Rhythm, path: Path) -> None:
    """What a file says of its length tells whether its end is there."""
    said = _said(container, stream)
    found = span + rhythm.repeats[-1] * rhythm.interval
    if said is not None and said - found > 1.5 * rhythm.interval:
        raise UnreadableVideo(
            f"{path}: is truncated, or shows its last frame longer than the others: its frames end "
            f"at {found:.4g} s of {said:.4g} s"
        )


def _said(container: Any, stream: Any) -> float | None:
    """The duration of the stream in seconds, if the file has it."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if tag:
        hours, minutes, seconds = map(float, tag.groups())
        return 3600 * hours + 60 * minutes + seconds
    if container.duration is not None and len(container.streams) == 1:
        return float(container.duration) / 1e6
    return None
