"""Frames in any usual form, to uint8 of shape (frames, height, width, 3).

Nothing is guessed: what could be meant in two ways is refused, and the message says what to pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from pab_bench.compare.sources import is_still, read_video
from pab_bench.metrics.base import Frames, InvalidVideo, check_video

Layout = Literal["FHWC", "FCHW", "CFHW"]
"""The order of the axes: frames, height, width, and channels, which are red, green and blue."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
SMALLEST_SIDE = 4
"""No frame is as small as 3 pixels: an axis of size 3 is one of channels, or of three frames."""


@dataclass(frozen=True)
class Form:
    """How arrays are meant where they do not say so themselves.

    Attributes:
        layout: the order of their axes; None = as far as it is clear.
        value_range: what black and white are in arrays of floats; None = (0, 1), as far as all
            values lie within.

    Raises:
        InvalidVideo: for another layout, or a range that is none.
    """

    layout: Layout | None = None
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.layout not in (None, *LAYOUTS):
            raise InvalidVideo(f"layout={self.layout!r}: expected one of {', '.join(LAYOUTS)}")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            raise InvalidVideo(
                f"value_range={self.value_range!r}: expected (black, white) with black below white"
            )


@dataclass(frozen=True)
class Footage:
    """A video as metrics take it.

    Attributes:
        frames: uint8 RGB, shape (frames, height, width, 3).
        frames_per_second: as its file says; None if it is from no file.
    """

    frames: Frames
    frames_per_second: float | None = None


def videos_of(value: Any, form: Form, role: str) -> list[Footage]:
    """Make one video, or several.

    A list or tuple of images (PIL, or arrays of three axes) is one video; any other list or tuple
    is several videos.

    Args:
        value: the user's.
        form: how arrays are meant.
        role: what messages call it: `video` or `reference`.

    Raises:
        InvalidVideo: if it is none, or could be meant in two ways.
        UnreadableVideo: if a file cannot be read.
    """
    value = getattr(value, "frames", value)
    if not isinstance(value, list | tuple) or _are_images(value):
        return [footage_of(value, form, role)]
    if not value:
        raise InvalidVideo(f"{role}: expected frames or videos, got an empty {_type(value)}")
    return [footage_of(one, form, f"{role} {index}") for index, one in enumerate(value)]


def footage_of(value: Any, form: Form, role: str = "video") -> Footage:
    """Make one video.

    Args:
        value: an array or tensor, a list of images, a path, or what a pipeline returns.
        form: how arrays are meant.
        role: what messages call it.

    Returns:
        Its frames. Floats are rounded as samplers do: (value * 255).round().

    Raises:
        InvalidVideo: if it is none, or could be meant in two ways.
        UnreadableVideo: if a file cannot be read.
    """
    value = getattr(value, "frames", value)
    if isinstance(value, str | Path):
        return _from_path(Path(value).expanduser(), role)
    if isinstance(value, list | tuple):
        images = _images(value, role)
        if all(map(_is_pil, images)):
            form = replace(form, layout="FHWC")  # What the user says is meant for arrays.
        value = _stacked(images, role)
    frames = _as_uint8(_in_order(_without_batch(_array(value, role), role), form, role), form, role)
    frames = np.ascontiguousarray(frames)
    check_video(frames, role)
    return Footage(frames)


def _from_path(path: Path, role: str) -> Footage:
    if is_still(path):
        raise InvalidVideo(f"{role}: {path} is a single image; give the folder of a video's images")
    if not path.exists():
        raise InvalidVideo(f"{role}: {path} does not exist")
    video = read_video(path)
    return Footage(video.frames, video.frames_per_second)


def _are_images(values: Sequence[Any]) -> bool:
    return bool(values) and all(_is_image(value) for value in values)


def _is_image(value: Any) -> bool:
    return _is_pil(value) or (getattr(value, "ndim", None) == 3 and hasattr(value, "shape"))


def _is_pil(value: Any) -> bool:
    return hasattr(value, "getbands") and hasattr(value, "convert")


def _images(values: Sequence[Any], role: str) -> Sequence[Any]:
    if len(values) == 1 and isinstance(values[0], list | tuple):
        values = values[0]  # Pipelines return a list of frames for each prompt.
    if not _are_images(values):
        what = ", ".join(sorted({_type(value) for value in values})) or "nothing"
        raise InvalidVideo(f"{role}: expected a list of images (PIL, or 3 axes each), got {what}")
    return values


def _stacked(images: Sequence[Any], role: str) -> npt.NDArray[Any]:
    for image in images:
        if _is_pil(image) and image.mode != "RGB":
            raise InvalidVideo(
                f"{role}: expected RGB images, got {image.mode}; image.convert('RGB') makes one"
            )
    arrays = [_array(image, role) for image in images]
    kinds = sorted({f"{array.shape} {array.dtype}" for array in arrays})
    if len(kinds) > 1:
        raise InvalidVideo(f"{role}: expected frames of one size and dtype, got {', '.join(kinds)}")
    return np.stack(arrays)


def _array(value: Any, role: str) -> npt.NDArray[Any]:
    if hasattr(value, "detach"):
        import torch

        tensor = value.detach().cpu()
        half = tensor.dtype in (torch.float16, torch.bfloat16)
        return np.asarray((tensor.float() if half else tensor).numpy())
    if not hasattr(value, "__array__") and not _is_pil(value):
        raise InvalidVideo(
            f"{role}: expected an array, a tensor, a list of images, a path, or what a pipeline "
            f"returns; got {_type(value)}"
        )
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _without_batch(array: npt.NDArray[Any], role: str) -> npt.NDArray[Any]:
    if array.ndim == 5:
        if len(array) != 1:
            raise InvalidVideo(
                f"{role}: got a batch of {len(array)} videos, shape {array.shape}; list(video) "
                "measures each of them"
            )
        return array[0]
    if array.ndim != 4:
        fix = "; a single frame is frame[None]" if array.ndim == 3 and 3 in array.shape else ""
        raise InvalidVideo(
            f"{role}: expected 4 axes (frames, height, width, channels), got shape {array.shape}"
            f"{fix}"
        )
    return array


def _in_order(array: npt.NDArray[Any], form: Form, role: str) -> npt.NDArray[Any]:
    layout = form.layout or _layout(array.shape, role)
    if array.shape[layout.index("C")] != 3:
        raise InvalidVideo(
            f"{role}: expected 3 channels in layout {layout}, got shape {array.shape}"
            f"{_channels_hint(array.shape[layout.index('C')])}"
        )
    return array.transpose([layout.index(axis) for axis in "FHWC"])


def _layout(shape: tuple[int, ...], role: str) -> Layout:
    possible = [layout for layout in LAYOUTS if shape[layout.index("C")] == 3]
    if not possible:
        sizes = {shape[layout.index("C")] for layout in LAYOUTS}
        hint = next(filter(None, map(_channels_hint, sorted(sizes))), "")
        raise InvalidVideo(
            f"{role}: expected an axis of 3 colours, got shape {shape}{hint}; latents must be "
            "decoded first"
        )
    large = [
        layout
        for layout in possible
        if min(shape[layout.index("H")], shape[layout.index("W")]) >= SMALLEST_SIDE
    ]
    possible = large or possible
    if len(possible) > 1:
        raise InvalidVideo(
            f"{role}: shape {shape} could be {' or '.join(possible)}; pass layout="
            f"{possible[0]!r}, or what it is (F frames, H height, W width, C channels)"
        )
    return possible[0]


def _channels_hint(channels: int) -> str:
    if channels == 1:
        return "; grey frames become RGB by repeating that axis three times"
    if channels == 4:
        return "; of RGBA frames, leave the alpha channel out"
    return ""


def _as_uint8(array: npt.NDArray[Any], form: Form, role: str) -> npt.NDArray[Any]:
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise InvalidVideo(
            f"{role}: expected uint8 or floats, got {array.dtype}; if its values are 0 to 255, "
            ".astype('uint8') says so"
        )
    if not np.isfinite(array).all():
        raise InvalidVideo(f"{role}: has values that are NaN or infinite")
    low, high = form.value_range or (0, 1)
    least, most = float(array.min(initial=low)), float(array.max(initial=high))
    if least < low or most > high:
        raise InvalidVideo(
            f"{role}: expected floats from {low} to {high}, got {least:g} to {most:g}"
            f"{_range_hint(least, most) if form.value_range is None else ''}"
        )
    share = array if form.value_range is None else (array - low) / (high - low)
    rounded: npt.NDArray[Any] = (share * 255).round().astype(np.uint8)
    return rounded


def _range_hint(least: float, most: float) -> str:
    usual = [(low, high) for low, high in ((-1, 1), (0, 255)) if low <= least and most <= high]
    meant = usual[0] if usual else "(black, white)"
    return (
        f"; pass value_range={meant} if they go from there to there, or .clip(0, 1) what overshoots"
    )


def _type(value: object) -> str:
    return type(value).__name__
