"""One folder of a checkpoint, and the error that names what is wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pab_bench.problems import InvalidSettings, Problem

_LONGEST = 300
"""Characters of what a library says; some repeat a whole file."""


class CheckpointRefused(InvalidSettings):
    """A checkpoint that is not what it says; one line with setting, part, file and reason."""


@dataclass(frozen=True)
class Part:
    """A network, tokenizer or scheduler in a folder.

    Attributes:
        setting: what led to the folder, such as `model.path=DIR`.
        name: `transformer`, `vae`, `text_encoder`, `tokenizer` or `scheduler`.
        folder: where its files lie.
        layout: whose names its files of weights have; `any` = all `*.safetensors` belong to it.
        configured: whether it has a `config.json`; without, its class' defaults are meant.
    """

    setting: str
    name: str
    folder: Path
    layout: Literal["diffusers", "transformers", "any"] = "diffusers"
    configured: bool = True

    def refused(self, file: str | None, reason: str | Exception) -> CheckpointRefused:
        """The error that names this part and one of its files; None = no single file."""
        place = self.name if file is None else f"{self.name}, {file}"
        return CheckpointRefused([Problem(self.setting, f"{place}: {one_line(reason)}")])


def one_line(reason: str | BaseException) -> str:
    """A reason without line breaks, shortened if it is long; an error by its message."""
    text = " ".join(str(reason).split()) or type(reason).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
