"""Videos for people to look at; metrics never read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

FRAMES_PER_SECOND = 8
_OPTIONS = {"crf": "25", "threads": "1", "x264-params": "mbtree=0"}
"""Of libx264: imageio's default quality, with which PAB's authors wrote their videos.

The same frames are the same file in every process. x264's macroblock tree reads memory that nobody
wrote (at 64 x 64 or 240 x 426, not at 128 x 128), and a frame is cut into as many slices as there
are threads.
"""


def write_mp4(path: Path, frames: npt.NDArray[np.uint8]) -> None:
    """Write frames as H.264, which every browser plays.

    By PyAV, in this process: for short videos, starting an ffmpeg takes longer than encoding.

    Args:
        path: where to.
        frames: uint8 (frames, height, width, 3). The format wants even sides: the last line or
            column of an odd one is shown twice.
    """
    import av

    odd = [(0, side % 2) for side in frames.shape[1:3]]
    even = np.pad(frames, [(0, 0), *odd, (0, 0)], mode="edge")
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_OPTIONS)
        stream.height, stream.width = even.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in even:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
