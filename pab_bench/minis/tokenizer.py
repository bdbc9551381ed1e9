"""A T5 tokenizer over the closed vocabulary of the procedural captions."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import T5Tokenizer

from pab_bench.minis.captions import vocabulary

MAX_LENGTH = 120
"""What `LattePipeline` pads a prompt to."""


def build_tokenizer(more: Sequence[str] = (), max_length: int = MAX_LENGTH) -> T5Tokenizer:
    """The tokenizer of the minis that know one moving shape; see `tokenizer_of`.

    Args:
        more: words besides those of the captions.
        max_length: tokens of the longest prompt.
    """
    return tokenizer_of([*vocabulary(), *more], max_length)


def tokenizer_of(words: Sequence[str], max_length: int) -> T5Tokenizer:
    """One piece per word, no sub-words: an unknown word becomes `<unk>`."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [(f"▁{word}", -1.0) for word in words]
    return T5Tokenizer(vocab=special + pieces, extra_ids=0, model_max_length=max_length)
