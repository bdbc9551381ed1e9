"""Bytes that ranks exchange when one video's tokens are split over them.

Source: Section 3.3 and Table 4 of PAB (arXiv 2408.12588); the padding is that of VideoSys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from pab_bench.names import Split

Method = Literal["dsp", "ulysses", "megatron_sp"]
Counted = Literal["none", "output", "hidden"]
"""What is gathered once a call, after the last block, if its time counts."""

METHODS: tuple[Method, ...] = get_args(Method)
COUNTED: tuple[Counted, ...] = get_args(Counted)
CROSSING = {"frames": "temporal", "tokens": "spatial"}
"""The kind of self-attention that needs all of the dimension that is split, so that it
communicates; everything else is done where the tokens lie."""
_WHOLE = 2


@dataclass(frozen=True)
class Activation:
    """The hidden states that enter a block.

    Attributes:
        rows: videos in the batch: 2 with classifier-free guidance.
        frames: latent frames.
        tokens: of a frame.
        width: numbers of a token.
        bytes_per_number: 2 for float16 and bfloat16.
        heads: of the attention.
        output: numbers that the transformer puts out for a token.
        rows_together: whether rows and tokens are scattered as one dimension, as in the Latte
            kinds, rather than the tokens of each row.
    """

    rows: int
    frames: int
    tokens: int
    width: int
    bytes_per_number: int
    heads: int
    output: int
    rows_together: bool

    @property
    def size(self) -> int:
        """Bytes of it, unpadded: M in the formulas."""
        return self._bytes(self.rows * self.frames * self.tokens * self.width)

    @property
    def output_size(self) -> int:
        """Bytes of what the transformer puts out for it, unpadded."""
        return self._bytes(self.rows * self.frames * self.tokens * self.output)

    def padding_factor(self, split: Split, ranks: int) -> float:
        """Tokens that are computed over those that are needed; at least 1."""
        length = self.frames if split == "frames" else self.tokens
        return share(length, ranks) * ranks / length

    def padded_size(self, split: Split, ranks: int) -> int:
        """Bytes of it with the split dimension padded to a multiple of the ranks."""
        frames, tokens = self.frames, self.tokens
        if split == "frames":
            frames = share(frames, ranks) * ranks
        else:
            tokens = share(tokens, ranks) * ranks
        return self._bytes(self.rows * frames * tokens * self.width)

    def message(self, ranks: int) -> int:
        """Bytes that one rank has for one rank in an all-to-all of DSP, padded on both sides.

        It is the same whichever dimension is split: one is gathered, the other scattered.
        """
        frames = share(self.frames, ranks)
        if self.rows_together:
            tokens = share(self.rows * self.tokens, ranks)
        else:
            tokens = self.rows * share(self.tokens, ranks)
        return self._bytes(frames * tokens * self.width)

    def _bytes(self, numbers: int) -> int:
        return numbers * self.bytes_per_number


def share(length: int, ranks: int) -> int:
    """How much of a dimension a rank has at most.

    >>> share(15, 8)
    2
    """
    return math.ceil(length / ranks)


@dataclass(frozen=True)
class Exchange:
    """What one computed attention across the split dimension makes a rank communicate.

    Attributes:
        collectives: how many operations.
        column: bytes as Table 4 counts them: unpadded, what the rank keeps for itself included.
        handled: the same with padding.
        sent: of these, those that leave the rank.
        everywhere: whether each of the other ranks gets all that is sent (gathers and scatters),
            rather than its own part (all-to-all).
    """

    collectives: int
    column: float
    handled: float
    sent: float
    everywhere: bool = False


def exchange(method: Method, activation: Activation, split: Split, ranks: int) -> Exchange | None:
    """What an attention communicates; None where the ranks do not divide the heads.

    Args:
        method: `dsp` has an all-to-all before and one after the attention; `ulysses` one for
            queries, keys, values and output each; `megatron_sp` gathers the hidden states before
            and reduces and scatters them after.
        activation: the hidden states.
        split: which dimension is split.
        ranks: how many; one communicates nothing.
    """
    if method != "dsp" and activation.heads % ranks:
        return None
    whole, padded = activation.size, activation.padded_size(split, ranks)
    others = (ranks - 1) / ranks
    if method == "dsp":
        times, message = 2, activation.message(ranks)
        made = Exchange(2, times * whole / ranks, times * message * ranks, 0)
    elif method == "ulysses":
        times = 4
        made = Exchange(4, times * whole / ranks, times * padded / ranks, 0)
    else:
        made = Exchange(2, 2 * whole, 2 * padded, 0, everywhere=True)
    if ranks == 1:
        return replace(made, collectives=0, column=0, handled=0)
    return replace(made, sent=made.handled * others)


@dataclass(frozen=True)
class Volume:
    """What one rank communicates in one video, all calls together.

    Attributes:
        method: which.
        split: which dimension is split.
        ranks: how many there are.
        attentions: at every call how many attentions communicate.
        collectives: how many operations that makes.
        column: bytes as Table 4 counts them.
        handled: with padding.
        sent: that leave the rank.
        gathered: bytes of the hidden states that are gathered at the end of every call, whole.
        gathered_outputs: the same of the outputs, which can be gathered instead.
    """

    method: Method
    split: Split
    ranks: int
    attentions: tuple[int, ...]
    collectives: int
    column: float
    handled: float
    sent: float
    gathered: int
    gathered_outputs: int


def volume(
    method: Method,
    activation: Activation,
    split: Split,
    ranks: int,
    attentions: Sequence[int],
    rows: Sequence[int],
) -> Volume | None:
    """Add up the calls of a video; None where the ranks do not divide the heads.

    Args:
        method: which.
        activation: of a call with the whole guidance batch.
        split: which dimension is split.
        ranks: how many.
        attentions: at every call the attentions that communicate.
        rows: at every call 2 where the whole guidance batch is computed, 1 where it is one half,
            and 0 where the transformer is not called.
    """
    by_rows = {2: activation, 1: replace(activation, rows=max(activation.rows // _WHOLE, 1))}
    exchanges = {n: exchange(method, own, split, ranks) for n, own in by_rows.items()}
    collectives, column, handled, sent = 0, 0.0, 0.0, 0.0
    for count, half in zip(attentions, rows, strict=True):
        if not half or not count:
            continue
        one = exchanges[half]
        if one is None:
            return None
        collectives += count * one.collectives
        column += count * one.column
        handled += count * one.handled
        sent += count * one.sent
    if exchanges[_WHOLE] is None:
        return None
    called = [by_rows[half] for half in rows if half]
    return Volume(
        method=method,
        split=split,
        ranks=ranks,
        attentions=tuple(attentions),
        collectives=collectives,
        column=column,
        handled=handled,
        sent=sent,
        gathered=sum(own.size for own in called) if ranks > 1 else 0,
        gathered_outputs=sum(own.output_size for own in called) if ranks > 1 else 0,
    )
