"""Sizes of Open-Sora 1.2: the released table, latent sizes, and what cannot be sampled.

Source: hpcaitech/Open-Sora, branch opensora/v1.2, `opensora/datasets/aspect.py` and
`opensora/models/vae`. Standard library only, so that settings are checked before torch is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

from pab_bench.errors import ConfigError
from pab_bench.problems import InvalidSettings, Problems, did_you_mean, one_of

SIZES: dict[str, dict[str, tuple[int, int]]] = {
    "144p": {
        "9:16": (144, 256),
        "16:9": (256, 144),
        "3:4": (166, 221),
        "4:3": (221, 165),
        "1:1": (192, 192),
    },
    "240p": {
        "9:16": (240, 426),
        "16:9": (426, 240),
        "3:4": (276, 368),
        "4:3": (370, 278),
        "1:1": (320, 320),
    },
    "360p": {
        "9:16": (360, 640),
        "16:9": (640, 360),
        "3:4": (416, 554),
        "4:3": (554, 416),
        "1:1": (480, 480),
    },
    "480p": {
        "9:16": (480, 854),
        "16:9": (854, 480),
        "3:4": (554, 738),
        "4:3": (740, 555),
        "1:1": (640, 640),
    },
    "720p": {
        "9:16": (720, 1280),
        "16:9": (1280, 720),
        "3:4": (832, 1110),
        "4:3": (1108, 832),
        "1:1": (960, 960),
    },
}
"""(height, width) in pixels by resolution and aspect ratio height:width."""

LENGTHS: dict[str, int] = {
    "1x": 51,
    "2x": 102,
    "4x": 204,
    "8x": 408,
    "16x": 816,
    "2s": 51,
    "4s": 102,
    "8s": 204,
    "16s": 408,
    "32s": 816,
}
"""Frames by upstream's names of lengths; the seconds are nominal, at 24 frames per second."""

SPATIAL_FACTOR = 8
"""Pixels per latent in height and in width; a rest of fewer pixels is not encoded."""

CHUNK = 17
"""Frames that are encoded together."""

PATCH = 2
"""Latents per token in height and in width."""


def size(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """(height, width) in pixels of the released table.

    Args:
        resolution: such as `480p`.
        aspect_ratio: height to width, such as `9:16` for a landscape.

    Raises:
        ConfigError: if the table has no such size.
    """
    if resolution not in SIZES:
        raise _not_in_table("resolution", resolution, SIZES)
    ratios = SIZES[resolution]
    if aspect_ratio not in ratios:
        raise _not_in_table("aspect_ratio", aspect_ratio, ratios)
    return ratios[aspect_ratio]


def frames_of(length: str) -> int:
    """Frames of a length by upstream's name, such as `2s`.

    Raises:
        ConfigError: if there is no such name.
    """
    if length not in LENGTHS:
        raise _not_in_table("length", length, LENGTHS)
    return LENGTHS[length]


def latent_frames(frames: int, chunk: int = CHUNK, factor: int = 4) -> int:
    """Latent frames of a video: chunks are encoded apart, each rounded up to a latent frame.

    Args:
        frames: of the video, >= 1.
        chunk: frames that are encoded together.
        factor: frames per latent frame.
    """
    full, rest = divmod(frames, chunk)
    return full * -(-chunk // factor) + -(-rest // factor)


def latent_size(frames: int, height: int, width: int) -> tuple[int, int, int]:
    """(T, h, w) of the released model's latents of a video."""
    return latent_frames(frames), height // SPATIAL_FACTOR, width // SPATIAL_FACTOR


def patches(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of tokens of a frame; the latents are padded to whole tokens."""
    return -(-(height // SPATIAL_FACTOR) // PATCH), -(-(width // SPATIAL_FACTOR) // PATCH)


def decoded_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) in pixels of the video that comes out: whole latents only."""
    return height // SPATIAL_FACTOR * SPATIAL_FACTOR, width // SPATIAL_FACTOR * SPATIAL_FACTOR


def check_frames(frames: int, key: str = "num_frames") -> None:
    """Refuse a number of frames that cannot be sampled.

    Args:
        frames: of the video.
        key: what the user knows it by.

    Raises:
        ConfigError: for fewer than 1 and for 2 to 16 frames.
    """
    _raise_if(key, frames, _wrong_frames(frames))


def check_side(key: str, pixels: int) -> None:
    """Refuse a height or width that cannot be sampled.

    Args:
        key: what the user knows it by.
        pixels: height or width of the video.

    Raises:
        ConfigError: if it is too small, or neither divisible by 8 nor in the table.
    """
    _raise_if(key, pixels, _wrong_side(pixels))


def size_notice(height: int, width: int) -> str | None:
    """What to tell the user about a size that is not in the table; None if it is."""
    if any((height, width) in ratios.values() for ratios in SIZES.values()):
        return None
    return (
        f"height={height} width={width} is not in Open-Sora's table of sizes "
        f"({', '.join(SIZES)}); the released weights were trained on those"
    )


def check_video(frames: int, height: int, width: int, problems: Problems) -> None:
    """Note everything that `check_frames` and `check_side` would refuse in a configuration.

    Args:
        frames: of the video.
        height: of the video in pixels.
        width: of the video in pixels.
        problems: of the model; receives them, and the notice about the size.
    """
    wrong = {
        ("frames", frames): _wrong_frames(frames),
        ("height", height): _wrong_side(height),
        ("width", width): _wrong_side(width),
    }
    for (key, value), explanation in wrong.items():
        if explanation:
            problems.add(key, value, explanation)
    if not any(wrong.values()) and (notice := size_notice(height, width)):
        problems.notices.append(notice)


def _wrong_frames(frames: int) -> str:
    if frames == 1 or frames >= CHUNK:
        return ""
    return (
        f"must be 1 (an image) or at least {CHUNK}; the timestep transform counts whole chunks of "
        f"{CHUNK} frames, and without any it breaks"
    )


def _wrong_side(pixels: int) -> str:
    smallest = SPATIAL_FACTOR * PATCH
    in_table = any(pixels in pair for ratios in SIZES.values() for pair in ratios.values())
    if in_table or (pixels >= smallest and pixels % SPATIAL_FACTOR == 0):
        return ""
    return (
        f"must be at least {smallest} and divisible by {SPATIAL_FACTOR}, "
        "or a side of Open-Sora's table of sizes"
    )


def _raise_if(key: str, value: object, explanation: str) -> None:
    problems = Problems()
    if explanation:
        problems.add(key, value, explanation)
    problems.raise_if_any()


def _not_in_table(key: str, value: str, options: Iterable[str]) -> ConfigError:
    problems = Problems()
    problems.add(key, value, f"must be {one_of(options)}.{did_you_mean(value, options)}")
    return InvalidSettings(problems.found)
