"""Stands in for a tokenizer that is not there: a prompt is as long as the pipeline lets it be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import BatchEncoding


class WordlessTokenizer:
    """Makes tokens without words: as many as `max_length`, and one where that is not given.

    Attributes:
        model_max_length: the most tokens of a prompt.
        padding_side: where a prompt would be filled up.
    """

    model_max_length = 10**9
    padding_side = "right"

    def __call__(
        self,
        text: str | Sequence[str] | None = None,
        *,
        max_length: int | None = None,
        return_tensors: str | None = None,
        **rest: Any,
    ) -> BatchEncoding:
        """Numbers of tokens, all 0, and a mask of ones, (prompts, tokens); lists if no tensors."""
        return _encoding(None if isinstance(text, str) else text, max_length, return_tensors)

    def apply_chat_template(
        self,
        conversation: Sequence[Any],
        *,
        tokenize: bool = True,
        max_length: int | None = None,
        return_tensors: str | None = None,
        **rest: Any,
    ) -> Any:
        """As for prompts, of one conversation or of several; a text without words if so wanted."""
        one = isinstance(conversation[0], Mapping)
        if not tokenize:
            return "" if one else [""] * len(conversation)
        return _encoding(None if one else conversation, max_length, return_tensors)

    def encode(self, text: str, **rest: Any) -> list[int]:
        """Of a template: one token."""
        return [0]

    def decode(self, tokens: object, **rest: Any) -> str:
        """Nothing was cut off."""
        return ""

    def batch_decode(self, tokens: object, **rest: Any) -> list[str]:
        """Nothing was cut off."""
        return []


def _encoding(
    prompts: Sequence[Any] | None, length: int | None, return_tensors: str | None
) -> BatchEncoding:
    """Of several prompts, or of one, which tensors have a dimension for all the same."""
    tokens = length or 1
    if return_tensors is not None:
        count = 1 if prompts is None else len(prompts)
        numbers: Any = torch.zeros(count, tokens, dtype=torch.long)
        return BatchEncoding({"input_ids": numbers, "attention_mask": torch.ones_like(numbers)})
    if prompts is None:
        return BatchEncoding({"input_ids": [0] * tokens, "attention_mask": [1] * tokens})
    rows = len(prompts)
    return BatchEncoding(
        {"input_ids": [[0] * tokens] * rows, "attention_mask": [[1] * tokens] * rows}
    )
