"""Prompts that have a picture beside them, from which a video begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class PicturedPrompt(str):
    """The text of a prompt, with the picture that belongs to it.

    It is a text to all that only reads, shows or keeps prompts. It equals a prompt of the same text
    and picture, and no text without one, so that what was made of one is not taken for another's.

    Args:
        text: the prompt.
        path: of the picture's file, absolute.
        digest: SHA-256 of that file.

    Attributes:
        path: of the picture's file.
        digest: of that file.
    """

    __slots__ = ("digest", "path")

    path: Path
    digest: str

    def __new__(cls, text: str, path: Path, digest: str) -> PicturedPrompt:
        """A text with two attributes."""
        own = super().__new__(cls, text)
        own.path, own.digest = path, digest
        return own

    def __eq__(self, other: object) -> bool:
        """Text and picture count; where the file lies does not."""
        if not isinstance(other, PicturedPrompt):
            return False
        return str(self) == str(other) and self.digest == other.digest

    def __ne__(self, other: object) -> bool:
        """Texts have their own, which knows nothing of pictures."""
        return not self == other

    def __hash__(self) -> int:
        """Of text and picture."""
        return hash((str(self), self.digest))

    def __str__(self) -> str:
        """The text alone."""
        return self[:]

    def __getnewargs__(self) -> tuple[str, Path, str]:  # type: ignore[override]
        """For processes that it is sent to."""
        return str(self), self.path, self.digest


def prompt_identity(prompt: str) -> str | dict[str, str]:
    """What determines a video of a prompt, as plain JSON: its text, and the picture's digest."""
    if isinstance(prompt, PicturedPrompt):
        return {"text": str(prompt), "image": prompt.digest}
    return prompt


def read_picture(prompt: str) -> Any:
    """Read the picture of a prompt, as RGB of Pillow; None where there is none.

    Raises:
        OSError: if the file is not there any more, or can no longer be read.
    """
    if not isinstance(prompt, PicturedPrompt):
        return None
    from PIL import Image

    with Image.open(prompt.path) as picture:
        return picture.convert("RGB")
