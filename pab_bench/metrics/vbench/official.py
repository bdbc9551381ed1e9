"""What the official VBench program takes and gives: names of video files, and its results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pab_bench.errors import PabBenchError
from pab_bench.metrics.vbench.scores import DIMENSIONS

LONGEST_NAME = 255
"""Bytes of a file name."""
PER_VIDEO_SCALE = {"imaging_quality": 0.01}
"""What the values of single videos are to be multiplied by to be on the dimension's scale."""


class UnusableResults(PabBenchError):
    """A file that holds no results of VBench; the message names it and what is wrong."""


@dataclass(frozen=True)
class DimensionResult:
    """VBench's results of one dimension.

    Attributes:
        score: of the set, as VBench computed it.
        videos: value by video path, on the scale of the score.
    """

    score: float
    videos: Mapping[str, float]


def video_name(prompt: str, index: int) -> str:
    """The name under which VBench looks for the `index`-th video of a prompt.

    Raises:
        ValueError: if the prompt cannot be part of a file's name.

    Example:
        >>> video_name("a dog running", 2)
        'a dog running-2.mp4'
    """
    name = f"{prompt}-{index}.mp4"
    if "/" in prompt or "\0" in prompt or not prompt.strip():
        raise ValueError(f"prompt {prompt!r}: expected one without slashes")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"prompt {prompt[:40]!r}...: its file name exceeds {LONGEST_NAME} bytes")
    return name


def read_results(path: Path) -> dict[str, DimensionResult]:
    """The dimensions in a `*_eval_results.json`.

    Raises:
        UnusableResults: if the file is something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {name: _dimension(name, *value) for name, value in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusableResults(
            f"{path}: expected VBench's *_eval_results.json: {type(error).__name__}: {error}"
        ) from error
    unknown = sorted(set(found) - set(DIMENSIONS))
    if unknown:
        raise UnusableResults(f"{path}: no dimensions of VBench: {', '.join(unknown)}")
    return found


def _dimension(name: str, score: Any, videos: Any) -> DimensionResult:
    scale = PER_VIDEO_SCALE.get(name, 1.0)
    values = {entry["video_path"]: float(entry["video_results"]) * scale for entry in videos}
    return DimensionResult(float(score), values)
