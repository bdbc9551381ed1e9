"""CLIP's byte pair encoding, from the vocabulary file that VBench keeps beside ViCLIP."""

from __future__ import annotations

import gzip
import html
from itertools import pairwise
from pathlib import Path

from pab_bench.errors import MetricUnavailable

MERGES = 49152 - 256 - 2
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
PATTERN = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


class ClipTokens:
    """Turns texts into token numbers.

    Args:
        path: `bpe_simple_vocab_16e6.txt.gz`: a comment, then a merge a line, the first one first.

    Raises:
        MetricUnavailable: if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise MetricUnavailable(f"{path}: no vocabulary: {error}") from error
        merges = [tuple(line.split()) for line in lines[1 : MERGES + 1]]
        self._symbols = _byte_symbols()
        single = list(self._symbols.values())
        words = [*single, *(symbol + WORD_END for symbol in single)]
        words += ["".join(merge) for merge in merges]
        self._numbers = {word: number for number, word in enumerate([*words, START, END])}
        self._ranks = {merge: rank for rank, merge in enumerate(merges)}

    def encode(self, text: str, length: int) -> list[int]:
        """Numbers of a text between start and end, cut to `length` or filled up with zeros."""
        import ftfy
        import regex

        cleaned = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
        cleaned = regex.sub(r"\s+", " ", cleaned).strip().lower()
        found = [self._numbers[START]]
        for word in regex.findall(PATTERN, cleaned, regex.IGNORECASE):
            symbols = "".join(self._symbols[byte] for byte in word.encode("utf-8"))
            found += [self._numbers[piece] for piece in self._pieces(symbols)]
        end = self._numbers[END]
        found = [*found[: length - 1], end]
        return found + [0] * (length - len(found))

    def _pieces(self, word: str) -> list[str]:
        """Merge neighbours, the pair that was learnt first before all others."""
        if word in (START, END):
            return [word]
        pieces = [*word[:-1], word[-1] + WORD_END]
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self._ranks.get(pair, MERGES))
            if best not in self._ranks:
                break
            pieces = _merged(pieces, best)
        return pieces


def _merged(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    result: list[str] = []
    place = 0
    while place < len(pieces):
        if tuple(pieces[place : place + 2]) == pair:
            result.append("".join(pair))
            place += 2
        else:
            result.append(pieces[place])
            place += 1
    return result


def _byte_symbols() -> dict[int, str]:
    """A visible character for every byte, in the order in which the vocabulary begins."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    symbols = {byte: chr(byte) for byte in visible}
    return symbols | {byte: chr(256 + place) for place, byte in enumerate(hidden)}
