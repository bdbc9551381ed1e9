"""Recognises what went wrong, and names it."""

from __future__ import annotations

import errno
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from pab_bench.errors import PabBenchError
from pab_bench.store.failure_kinds import (
    BLACK_VIDEO,
    CONSTANT_VIDEO,
    DISK_FULL,
    NOT_FINITE,
    OTHER,
    OUT_OF_MEMORY,
)

_DARK = 1
"""A video none of whose values (0 to 255) is above this is black."""
_FLAT = 1
"""A video whose values are within this of each other shows nothing."""
_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")
_NO_SPACE = ("no space left on device", "os error 28", "disk quota exceeded", "os error 122")


class SamplingFailed(PabBenchError):
    """A video came out that cannot be right."""

    kind = OTHER


class NotFinite(SamplingFailed):
    """The latents contain NaN or infinity."""

    kind = NOT_FINITE


class BlackVideo(SamplingFailed):
    """Every frame is black."""

    kind = BLACK_VIDEO


class ConstantVideo(SamplingFailed):
    """Every pixel of every frame has the same value."""

    kind = CONSTANT_VIDEO


class DiskFull(PabBenchError):
    """There is no space left, so that no result can be kept."""

    kind = DISK_FULL


class WorkerFailed(PabBenchError):
    """Something went wrong in another process; the message is that process'.

    Args:
        failure: what `describe` said there.
    """

    def __init__(self, failure: Mapping[str, str]) -> None:
        super().__init__(f"{failure['type']}: {failure['message']}")
        self.failure = dict(failure)


def describe(error: BaseException) -> dict[str, str]:
    """What a record keeps of an error: its kind, type and message."""
    if isinstance(error, WorkerFailed):
        return error.failure
    message = str(error) or type(error).__name__
    return {"kind": kind_of(error), "type": type(error).__name__, "message": message}


def kind_of(error: BaseException) -> str:
    """One of the names above."""
    text = str(error).lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or _contains(text, _NO_MEMORY):
        return OUT_OF_MEMORY
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT) or _contains(text, _NO_SPACE):
        return DISK_FULL
    return str(getattr(error, "kind", OTHER))


def _contains(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)


def check_latents(latents: torch.Tensor, what: str) -> None:
    """Raise NotFinite if there is NaN or infinity in the latents of `what`."""
    bad = ~torch.isfinite(latents)
    if bool(bad.any()):
        nan = int(torch.isnan(latents).sum())
        raise NotFinite(
            f"the latents of {what} are not finite: {nan} of {latents.numel()} values are NaN, "
            f"{int(bad.sum()) - nan} are infinite"
        )


def check_frames(frames: npt.NDArray[np.uint8], what: str) -> None:
    """Raise BlackVideo or ConstantVideo if the video of `what` shows nothing at all."""
    darkest, brightest = int(frames.min()), int(frames.max())
    if brightest <= _DARK:
        raise BlackVideo(f"the video of {what} is black: no value is above {brightest} of 255")
    if brightest - darkest <= _FLAT:
        raise ConstantVideo(
            f"the video of {what} is constant: all values lie from {darkest} to {brightest} of 255"
        )
