"""Paired metrics after both videos went through mp4: the protocol of the published tables."""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path

import numpy as np

from pab_bench.errors import MetricUnavailable, MetricUndefined
from pab_bench.metrics.base import NOTHING_KNOWN, About, Frames, Metric, Values, check_pair

SUFFIX = "_through_mp4"
_kept: dict[tuple[int, float], tuple[weakref.ref[Frames], Frames]] = {}


def through_mp4(metric: type[Metric]) -> type[Metric]:
    """The metric on videos that were written to mp4 and read back, under a name that says so.

    PAB's authors measured PSNR, SSIM and LPIPS on such files. The numbers compare with theirs, and
    with nothing else: at 128x128 the file alone costs as much as a strong broadcast.
    """

    class _ThroughMp4(metric):  # type: ignore[misc, valid-type]
        name = metric.name + SUFFIX
        column = metric.column + SUFFIX
        label = f"{metric.label} (through mp4)"
        definition = (
            "both videos written by imageio (libx264, its default quality, yuv420p, sides made "
            f"multiples of 16) and read back; then {metric.definition}"
        )
        source = f"VideoSys eval/pab; {metric.source}"
        brings = tuple(name + SUFFIX for name in metric.brings)

        def values(
            self, video: Frames, reference: Frames | None = None, about: About = NOTHING_KNOWN
        ) -> Values:
            """The metric of the two videos as read back; see `Metric.values`.

            Raises:
                InvalidVideo: see `Metric.values`.
                MetricUnavailable: as the metric itself, or if mp4 cannot be written.
            """
            reference = check_pair(video, reference)
            rate = about.frames_per_second
            measured: Values = super().values(
                round_trip(video, rate), round_trip(reference, rate), about
            )
            return measured

    _ThroughMp4.__name__ = _ThroughMp4.__qualname__ = f"{metric.__name__}ThroughMp4"
    _ThroughMp4.__doc__ = f"{metric.__name__} on videos written to mp4 and read back."
    return _ThroughMp4


def round_trip(video: Frames, frames_per_second: float) -> Frames:
    """A video as it comes back from mp4; it is remembered as long as the array lives.

    Args:
        video: uint8 RGB frames, shape (frames, height, width, 3).
        frames_per_second: of the file; the encoder spends its bits by it.

    Returns:
        As many frames; height and width are rounded up to multiples of 16, as imageio does.

    Raises:
        MetricUnavailable: if there is no encoder, or frames were lost.
    """
    # Metrics are asked one after the other for the same array, which encoding must not repeat.
    key = id(video), frames_per_second
    if key in _kept and _kept[key][0]() is video:
        return _kept[key][1]
    back = _written_and_read(video, frames_per_second)
    _kept[key] = weakref.ref(video, lambda _: _kept.pop(key, None)), back
    return back


def _written_and_read(video: Frames, frames_per_second: float) -> Frames:
    try:
        import imageio
    except ImportError as error:
        raise MetricUnavailable(f"mp4: a library cannot be imported: {error}") from error
    with tempfile.TemporaryDirectory(prefix="pab_bench-") as folder:
        path = Path(folder) / "video.mp4"
        try:
            # The defaults are the protocol: quality 5, yuv420p, sides made multiples of 16. But for
            # the number of threads, with which more than eight cores would give another number.
            imageio.mimwrite(
                path,
                list(video),
                fps=frames_per_second,
                ffmpeg_log_level="error",
                output_params=["-threads", "1"],
            )
            with imageio.get_reader(path, "ffmpeg") as reader:
                frames = np.stack([np.asarray(frame) for frame in reader])
        except (OSError, ValueError, RuntimeError) as error:
            raise MetricUnavailable(f"mp4: cannot be written and read back: {error}") from error
    if len(frames) != len(video):
        raise MetricUndefined(f"mp4: {len(video)} frames written, {len(frames)} read back")
    return frames
