"""CLIP's tokenizer of `transformers`, from the vocabulary file that VBench keeps beside ViCLIP."""

from __future__ import annotations

import gzip
import html
import zlib
from pathlib import Path

from pab_bench.errors import MetricUnavailable

MERGES = 49152 - 256 - 2
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"


class ClipTokens:
    """Turns texts into token numbers.

    One difference to CLIP is left: a `<|endoftext|>` in a text is the end's number even where
    punctuation touches it.

    Args:
        path: `bpe_simple_vocab_16e6.txt.gz`: a comment, then a merge a line, the first one first.

    Raises:
        MetricUnavailable: if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
        from transformers import CLIPTokenizer

        try:
            lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
            merges = [(left, right) for left, right in map(str.split, lines[1 : MERGES + 1])]
            numbers = _numbers(merges)
            # `tokenizers` refuses merges of pieces that no other merge makes: they never happen.
            merges = [merge for merge in merges if numbers.keys() >= set(merge)]
            self._tokenizer = CLIPTokenizer(vocab=numbers, merges=merges)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise MetricUnavailable(f"{path}: no vocabulary: {error}") from error
        # It composes characters, which CLIP does not, and lowers letter by letter, CLIP by word.
        self._tokenizer.backend_tokenizer.normalizer = None

    def encode(self, text: str, length: int) -> list[int]:
        """Numbers of a text between start and end, cut to `length` or filled up with zeros."""
        import ftfy

        cleaned = html.unescape(html.unescape(ftfy.fix_text(text))).lower()
        found = self._tokenizer(cleaned, truncation=True, max_length=length).input_ids
        return found + [0] * (length - len(found))


def _numbers(merges: list[tuple[str, str]]) -> dict[str, int]:
    single = _byte_symbols()
    words = [*single, *(symbol + WORD_END for symbol in single)]
    words += ["".join(merge) for merge in merges]
    return {word: number for number, word in enumerate([*words, START, END])}


def _byte_symbols() -> list[str]:
    """A visible character for every byte, in the order in which the vocabulary begins."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = range(256, 512 - len(visible))
    return [chr(number) for number in (*visible, *hidden)]
