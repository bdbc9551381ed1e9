"""The picture that a video begins with, for pipelines that take one."""

from __future__ import annotations

from typing import Any

from PIL import Image

from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.call_names import CallNames
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pictures import PicturedPrompt, read_picture

_GREY = (128, 128, 128)


def picture_of(prompt: str, call: CallNames, model: ModelSettings) -> Any:
    """Give the picture of a prompt; None where there is none.

    A pipeline that needs one is given a grey one where it is only rehearsed.
    """
    own = read_picture(prompt)
    if own is None and call.image == "must":
        return Image.new("RGB", (model.width, model.height), _GREY)
    return own


def check_picture(prompt: str, call: CallNames, pipeline: str) -> None:
    """Check that a prompt has a picture if, and only if, the pipeline begins with one.

    Raises:
        ConfigError: naming the prompt.
    """
    has = isinstance(prompt, PicturedPrompt)
    if call.image == "must" and not has:
        raise ConfigError(f"prompt {prompt!r} has no picture, and {pipeline} begins with one")
    if call.image == "never" and has:
        raise ConfigError(f"prompt {prompt!r} has a picture, and {pipeline} takes none")
