"""What a pipeline's transformer is given of a prompt, as bytes for a digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from pab_bench.systems.base import TextEmbeddings

_NOT_TEXT = ("hidden_states", "timestep")
_TEXT = "encoder_hidden_states"


@dataclass(frozen=True)
class PromptText(TextEmbeddings):
    """A prompt, and what the transformer's first call is given besides the latents.

    `conditional` holds the bytes of all tensors, (1, bytes): only its digest is of use.

    Attributes:
        prompt: which the pipeline is called with.
        words: tokens of text.
    """

    prompt: str = ""
    words: int = 0

    @property
    def tokens(self) -> int:
        """Number of tokens of text that the transformer is given."""
        return self.words


def prompt_text(prompt: str, given: Mapping[str, Any]) -> PromptText:
    """Make it of what the transformer is called with, by name."""
    tensors = [
        tensor
        for name, value in given.items()
        if name not in _NOT_TEXT
        for tensor in (value if isinstance(value, tuple | list) else [value])
        if isinstance(tensor, torch.Tensor)
    ]
    content = [own.detach().contiguous().cpu().reshape(-1).view(torch.uint8) for own in tensors]
    return PromptText(torch.cat(content)[None], None, prompt=prompt, words=text_tokens(given))


def text_tokens(given: Mapping[str, Any]) -> int:
    """Tokens of text that the transformer is called with; 0 where it does not tell."""
    text = given.get(_TEXT)
    return text.shape[1] if isinstance(text, torch.Tensor) and text.ndim > 1 else 0
