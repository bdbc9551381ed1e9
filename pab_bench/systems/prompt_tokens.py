"""What a model's tokenizer makes of a prompt: what is read, what is not known, what is cut off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PromptTokens:
    """The tokens of one prompt.

    Attributes:
        digest: of the tokens that are read; prompts with the same are one and the same video.
        count: tokens of the whole prompt, with the one that ends it.
        kept: how many of them the text encoder reads.
        dropped: the part of the prompt, as it is handed to the tokenizer, that it does not read.
        unknown: words for which there is no token of their own or of their parts.
    """

    digest: str
    count: int
    kept: int
    dropped: str = ""
    unknown: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "unknown": list(self.unknown)}


def prompt_tokens(tokenizer: Any, text: str, longest: int, **options: bool) -> PromptTokens:
    """Tokenize a text as a pipeline does, and say what becomes of it.

    Args:
        tokenizer: T5's.
        text: as the pipeline hands it to the tokenizer.
        longest: number of tokens that the pipeline pads or cuts to.
        options: what else the pipeline tells the tokenizer: `add_special_tokens`.
    """
    every = tokenizer(text, verbose=False, **options).input_ids
    kept = tokenizer(text, max_length=longest, truncation=True, **options).input_ids
    dropped = ""
    if len(every) > len(kept):
        # The last token that is kept ends the prompt in place of the first that is dropped.
        dropped = _from_token(tokenizer, text, len(kept) - 1, every)
    unknown: tuple[str, ...] = ()
    if tokenizer.unk_token_id in every:
        words = dict.fromkeys(text.split())
        unknown = tuple(
            word
            for word in words
            if tokenizer.unk_token_id in tokenizer(word, add_special_tokens=False).input_ids
        )
    digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:20]
    return PromptTokens(digest, len(every), len(kept), dropped, unknown)


def _from_token(tokenizer: Any, text: str, first: int, tokens: Sequence[int]) -> str:
    """The end of a text from one of its tokens on; of slow tokenizers as the tokens say it."""
    if not tokenizer.is_fast:
        return str(tokenizer.decode(tokens[first:-1]))
    places = tokenizer(text, return_offsets_mapping=True, verbose=False).offset_mapping
    return text[places[first][0] :]
