"""One still image as RGB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pab_bench.compare.channels import as_rgb
from pab_bench.compare.video import UnreadableVideo
from pab_bench.errors import first_line
from pab_bench.metrics.base import Frames

if TYPE_CHECKING:
    from PIL import Image

_GREY = ("1", "L")
_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")


def read_picture(path: Path) -> Frames:
    """Read an image, turned as its EXIF data say.

    Returns:
        uint8 RGB, shape (height, width, 3).

    Raises:
        UnreadableVideo: if it is damaged, transparent, has more than 8 bits a channel or another
            colour space, or if the file holds several images.
    """
    from PIL import Image, ImageOps

    if path.stat().st_size == 0:
        raise UnreadableVideo(f"{path}: is empty (0 bytes)")
    try:
        with Image.open(path) as image:
            images = getattr(image, "n_frames", 1)
            if images != 1:
                raise UnreadableVideo(f"{path}: holds {images} images, expected one frame")
            check_depth(image, str(path))
            return rgb_of(ImageOps.exif_transpose(image), str(path))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = first_line(error)
        raise UnreadableVideo(f"{path}: cannot be read as an image: {reason}") from error


def check_depth(image: Image.Image, what: str) -> None:
    """Raise `UnreadableVideo` if an opened image that was not loaded has over 8 bits a channel."""
    # Pillow keeps 8 of the 16 bits of a colour image without a word.
    stored = [str(tile.args) for tile in getattr(image, "tile", ())]
    if image.mode[0] in "IF" or any(";16B" in args or ";16L" in args for args in stored):
        raise UnreadableVideo(
            f"{what}: has more than 8 bits a channel (mode {image.mode}, 16 or 32 bits); metrics "
            "are of 8 bits: convert it first"
        )


def rgb_of(image: Image.Image, what: str) -> Frames:
    """The pixels of a decoded image.

    Args:
        image: of 8 bits a channel or less.
        what: the file, for messages.

    Returns:
        uint8 RGB, shape (height, width, 3).

    Raises:
        UnreadableVideo: if it is transparent or of another colour space.
    """
    mode = image.mode
    if mode in _WITH_ALPHA or "transparency" in image.info:
        return np.ascontiguousarray(as_rgb(np.asarray(image.convert("RGBA")), what))
    if mode in ("RGB", "P", *_GREY):
        return np.asarray(image.convert("RGB"))
    raise UnreadableVideo(f"{what}: is a {mode} image; expected RGB, grey or a palette")
