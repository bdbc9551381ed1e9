"""Whether a part's tokenizer can be read, and knows what its text encoder knows."""

from __future__ import annotations

from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from transformers import T5Tokenizer

from pab_bench.systems.checkpoints.json_files import read_json, read_object
from pab_bench.systems.checkpoints.part import Part

CONFIG = "tokenizer_config.json"
CLASSES = ("T5Tokenizer", "T5TokenizerFast")
_SPARE_WORDS = 256
"""Rows of an embedding beyond the tokenizer's words, at most: T5's 32,000 words and 100 marks have
32,128 rows."""
_ROUNDED_TO = 8
"""Such rows are there because their number was rounded up to a multiple of this, or of more."""


def load_tokenizer(part: Part, words: int) -> Any:
    """Load T5's tokenizer.

    Args:
        part: where it lies.
        words: rows of the text encoder's embedding.

    Raises:
        CheckpointRefused: if a file is damaged, or the tokenizer is not the text encoder's.
    """
    for file in sorted(part.folder.glob("*.json")):
        try:
            content = read_object(file) if file.name == CONFIG else read_json(file)
        except ValueError as error:
            raise part.refused(file.name, error) from error
        if file.name == CONFIG and (named := content.get("tokenizer_class")) not in (
            *CLASSES,
            None,
        ):
            reason = f"tokenizer_class={named!r}: must be {' or '.join(CLASSES)}"
            raise part.refused(CONFIG, reason)
    names = ("spiece.model", "tokenizer.json")
    main = next((name for name in reversed(names) if (part.folder / name).is_file()), None)
    if main is None:
        raise part.refused(None, f"has none of the files {', '.join(names)}")
    try:
        tokenizer = T5Tokenizer.from_pretrained(part.folder, local_files_only=True)
        numbers = tokenizer("a red circle").input_ids
    except Exception as error:  # Of half a dozen kinds, one of which is no more than Exception.
        reason = f"is no tokenizer of T5: {type(error).__name__}: {error}"
        raise part.refused(main, reason) from error
    known = len(tokenizer)
    spare = 0 if words % _ROUNDED_TO else _SPARE_WORDS
    if not numbers or not words - spare <= known <= words or max(numbers) >= words:
        reason = f"knows {known} words, the text encoder {words}: they do not belong together"
        raise part.refused(main, reason)
    limit = tokenizer.model_max_length
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1:
        raise part.refused(CONFIG, f"model_max_length={limit!r}: must be above 0")
    return tokenizer
