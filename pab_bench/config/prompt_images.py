"""Pictures beside prompts: a column `image` with files, and whether the model takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pab_bench.config.prompt_formats import NotPrompts
from pab_bench.problems import Problem, Problems
from pab_bench.registry import load
from pab_bench.systems.call_arguments import CallArguments
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.pictures import PicturedPrompt
from pab_bench.systems.registry import SYSTEMS, is_at_hand
from pab_bench.systems.weights import WeightsMissing, setting_of

_LARGEST = 100_000_000
"""Bytes of a file that may be a picture."""


def pictured(text: str, place: str, name: str, folder: Path) -> PicturedPrompt:
    """Put a picture beside a prompt.

    Args:
        text: the prompt.
        place: where it stands, such as `line 3`.
        name: the picture's file, as it stands there.
        folder: of the file with the prompts, which paths are relative to.

    Raises:
        NotPrompts: if there is no such file, or it is no picture.
    """
    if not name:
        raise NotPrompts(f"{place} has no image; with a column 'image' every prompt needs one")
    path = (folder / name).absolute()
    try:
        stat = path.stat()
    except OSError as error:
        raise NotPrompts(f"{place}: image {name[:100]} is no file ({path})") from error
    return PicturedPrompt(text, path, _digest(path, place, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=10_000)  # Every point of a grid asks.
def _digest(path: Path, place: str, size: int, changed: int) -> str:
    """SHA-256 of a picture's file."""
    del changed
    from PIL import Image, UnidentifiedImageError

    if size > _LARGEST:
        raise NotPrompts(f"{place}: image {path} has {size} bytes, at most {_LARGEST} are read")
    try:
        content = path.read_bytes()
        with Image.open(path) as picture:
            picture.load()
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:200]
        raise NotPrompts(f"{place}: image {path} cannot be read: {reason}") from error
    return hashlib.sha256(content).hexdigest()


def check_images(
    prompts: Sequence[str], file: str | None, model: Mapping[str, Any], problems: Problems
) -> None:
    """Check that prompts have pictures if, and only if, the model begins its videos with one.

    Args:
        prompts: of a point.
        file: which they are from, if any.
        model: the section of the configuration.
        problems: receives what is wrong.
    """
    if not prompts or model["system"] not in SYSTEMS:
        return  # A sampler that somebody wrote takes what it takes.
    system = SYSTEMS.load(model["system"])
    has = isinstance(prompts[0], PicturedPrompt)
    if system.image_use is None:
        use, what = "never", f"model={model['name']}"
    else:
        where = {key: model[key] for key in ("name", "system", "path", "repository", "revision")}
        settings = ModelSettings(
            **where, depth=0, frames=0, height=0, width=0, call=CallArguments.of(model["call"])
        )
        if not is_at_hand(settings):  # The run, which needs the pipeline, says so.
            return
        try:
            use, what = load(system.image_use)(settings)
        except WeightsMissing:  # Likewise.
            return
        what = f"{what} ({setting_of(settings)})"
    if has and use == "never":
        message = f"has a column 'image', and {what} makes videos from text alone; remove it"
        problems.add("prompts.file", file, message)
    elif not has and use == "must":
        problems.found.append(
            Problem(
                f"prompts.file={'null' if file is None else file}",
                f"{what} begins a video with a picture: give a file (.csv, .tsv, .json or .jsonl) "
                "with a column 'image', paths relative to it, beside the column 'prompt'",
            )
        )
