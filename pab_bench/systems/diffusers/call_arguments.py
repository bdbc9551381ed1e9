"""Which of `model.call` a pipeline's own call takes, checked before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pab_bench.problems import Problem, did_you_mean, show
from pab_bench.systems.call_arguments import is_plain
from pab_bench.systems.diffusers.call_names import CallNames, ImageUse
from pab_bench.systems.diffusers.index import locate_index
from pab_bench.systems.model import ModelSettings

_KEYS = {
    "prompt": "prompts.texts or prompts.file",
    "negative_prompt": "model.negative_prompt",
    "image": "a column image in prompts.file",
    "height": "model.height",
    "width": "model.width",
    "num_frames": "model.frames",
    "video_length": "model.frames",
    "frames": "model.frames",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "clean_caption": "model.clean_caption",
    "generator": "seeds",
    "num_videos_per_prompt": "seeds: every video is sampled by itself",
}
"""Arguments that have a key of their own."""
_TENSORS = re.compile(
    r"(\w*_)?latents|\w*_embeds(_\w+)?|\w*_attention_mask|\w*_cu_seqlens|(last_)?image|video|conditions"
)
"""Arguments that are tensors or pictures."""
_DRIVERS = re.compile(r"output_type|return_dict|callback\w*")
_REST = ("args", "kwargs")
_SCHEDULES = ("timesteps", "sigmas")
"""Arguments with a value for every step."""


def check_call(model: ModelSettings, steps: int) -> Iterator[Problem]:
    """Find what of `model.call` cannot be given to the pipeline's call.

    Args:
        model: where the pipeline is, and `call`.
        steps: denoising steps.

    Raises:
        CheckpointRefused: if the pipeline cannot be driven.
        WeightsMissing: if there is none.
    """
    index = locate_index(model)
    name = index.pipeline.__name__
    for key, value in model.call.values().items():
        reason = _reason(key, value, name, index.call, steps)
        if reason:
            yield Problem(f"model.call.{key}={show(value)}", reason)


def image_use(model: ModelSettings) -> tuple[ImageUse, str]:
    """Say whether a model's pipeline begins a video with a picture, and the pipeline's name.

    Raises:
        CheckpointRefused: if the pipeline cannot be driven.
        WeightsMissing: if there is none.
    """
    index = locate_index(model)
    return index.call.image, index.pipeline.__name__


def _reason(key: str, value: object, pipeline: str, call: CallNames, steps: int) -> str:
    """Why an argument is refused; empty if it is not."""
    if key in _KEYS and (call.has(key) or _KEYS[key] == "model.frames"):
        return f"has a key of its own: {_KEYS[key]}"
    if _DRIVERS.fullmatch(key):
        return "is set by what drives the pipeline, which needs the frames and every step"
    if not call.has(key) or key in _REST:
        known = sorted(own for own in call.defaults if not _is_taken(own))
        takes = f"it takes {', '.join(known)}" if known else "it takes nothing else"
        return f"the call of {pipeline} has no such argument; {takes}.{did_you_mean(key, known)}"
    if _TENSORS.fullmatch(key):
        return "is no plain value: a pipeline is given its prompt and a generator, no tensors"
    if not is_plain(value):
        return "must be a finite number, a text, true, false, null, or a list or mapping of these"
    wrong_length = not isinstance(value, list) or len(value) != steps
    if key in _SCHEDULES and value is not None and wrong_length:
        return f"must be a list of {steps} numbers, one for each of steps={steps}"
    return ""


def _is_taken(name: str) -> bool:
    """Whether an argument cannot be given by the user."""
    return bool(
        name in _KEYS or name in _REST or _TENSORS.fullmatch(name) or _DRIVERS.fullmatch(name)
    )
