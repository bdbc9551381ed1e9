"""What a pipeline's own call calls its arguments, read from its signature."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_FRAMES = ("num_frames", "video_length", "frames")
_ONE_CALL_IS_SEVERAL_VIDEOS = ("causal_block_size", "ar_step", "overlap_history", "history_sizes")
"""Arguments of pipelines in which parts of a video have schedules of their own."""
ImageUse = Literal["never", "may", "must"]
_BEGIN_WITH_PICTURES = ("ImageToVideo", "I2V")
"""In names of pipelines that need a picture although their signatures do not say so."""
_NOT_OF_SAMPLING = ("decode_chunk_size",)


class NotDriven(ValueError):
    """A pipeline that cannot be driven; the message says why."""


@dataclass(frozen=True)
class CallNames:
    """Names and defaults of a `__call__`.

    Attributes:
        frames: what the number of frames is called.
        image: whether it takes a picture that the video begins with.
        defaults: of all its arguments that have one.
    """

    frames: str
    defaults: Mapping[str, Any]
    image: ImageUse = "never"

    def has(self, name: str) -> bool:
        """Whether there is such an argument."""
        return name in self.defaults


def read_call(pipeline: type) -> CallNames:
    """Read the signature of a pipeline's `__call__`.

    Raises:
        NotDriven: if it makes no video, needs more than a prompt, or samples parts of a video with
            schedules of their own.
    """
    parameters = dict(inspect.signature(pipeline.__call__).parameters)
    parameters.pop("self")
    name = pipeline.__name__
    frames = next((own for own in _FRAMES if own in parameters), None)
    if frames is None or "prompt" not in parameters:
        raise NotDriven(f"{name} makes no video from a prompt: its call has no number of frames")
    needed = [
        own
        for own, parameter in parameters.items()
        if own not in ("prompt", "image")
        and parameter.default is parameter.empty
        and not _is_rest(parameter)
    ]
    if needed:
        raise NotDriven(f"{name} needs more than a prompt and a picture: {', '.join(needed)}")
    parts = [own for own in parameters if own in _ONE_CALL_IS_SEVERAL_VIDEOS or _is_chunk(own)]
    if parts:
        raise NotDriven(
            f"{name} samples parts of a video by schedules of their own ({', '.join(parts)}): "
            "such chunked and diffusion-forcing pipelines cannot be driven yet"
        )
    for own in ("generator", "num_inference_steps", "output_type"):
        if own not in parameters:
            raise NotDriven(f"{name} cannot be driven: its call has no {own}")
    defaults = {own: parameter.default for own, parameter in parameters.items()}
    return CallNames(frames, defaults, _image_use(name, parameters))


def _image_use(name: str, parameters: Mapping[str, inspect.Parameter]) -> ImageUse:
    if "image" not in parameters:
        return "never"
    needed = parameters["image"].default is inspect.Parameter.empty
    return "must" if needed or any(own in name for own in _BEGIN_WITH_PICTURES) else "may"


def _is_rest(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def _is_chunk(name: str) -> bool:
    return "chunk" in name and name not in _NOT_OF_SAMPLING
