"""A T5 tokenizer over the closed vocabulary of the procedural captions."""

from __future__ import annotations

from transformers import T5Tokenizer

from pab_bench.minis.captions import vocabulary

MAX_LENGTH = 120
"""What `LattePipeline` pads a prompt to."""


def build_tokenizer() -> T5Tokenizer:
    """One piece per word, no sub-words: an unknown word becomes `<unk>`."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [(f"▁{word}", -1.0) for word in vocabulary()]
    return T5Tokenizer(vocab=special + pieces, extra_ids=0, model_max_length=MAX_LENGTH)
