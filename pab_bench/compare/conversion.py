"""Decoded frames as RGB, by the filter and the settings with which ffmpeg itself converts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Converter:
    """Converts frames of one stream; what is set up for one frame serves the next.

    `VideoFrame.to_ndarray` interpolates the colours of 10-bit videos and of odd sides otherwise.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, str, str], Any] = {}

    def convert(self, frame: Any, to: str) -> npt.NDArray[np.uint8]:
        """Convert an `av.VideoFrame`.

        Args:
            frame: of any pixel format.
            to: `rgb24` or `rgba`.

        Returns:
            Shape (height, width, 3 or 4).
        """
        key = frame.width, frame.height, frame.format.name, to
        if key not in self._known:
            self._known[key] = _graph(frame, to)
        graph = self._known[key]
        graph.push(frame)
        converted: npt.NDArray[np.uint8] = graph.pull().to_ndarray()
        return converted


def _graph(frame: Any, to: str) -> Any:
    from av.filter import Graph

    graph = Graph()
    chain = [
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base,
        ),
        graph.add("scale", "flags=bicubic"),
        graph.add("format", f"pix_fmts={to}"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain).configure()
    return graph
