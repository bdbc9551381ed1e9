"""What a call of a transformer works on, and how it is split."""

from __future__ import annotations

from dataclasses import dataclass

from pab_bench.names import Split


@dataclass(frozen=True)
class Size:
    """The tokens of a call of a transformer.

    Attributes:
        batch: rows; 2 with guidance in one call.
        frames: latent frames.
        tokens: of a frame.
    """

    batch: int
    frames: int
    tokens: int

    def length(self, split: Split) -> int:
        """How long the split dimension is."""
        return self.frames if split == "frames" else self.tokens


@dataclass(frozen=True)
class Exchange:
    """How the rows of the attention across the split dimension are shared out for it.

    Before the attention a rank has all rows and a share of each; for it, it takes a share of the
    rows and all of each. Rows are numbered (kept, scattered).

    Attributes:
        kept: how many rows of each index of the scattered dimension stay together.
        scattered: how long the scattered dimension is.
        gathered: how long the split dimension is.
        ranks: of the group.
        rows_first: whether a message has the scattered dimension before the gathered one.
        leading: dimensions that a message has before those two.
        between: dimensions that it has between them.
    """

    kept: int
    scattered: int
    gathered: int
    ranks: int
    rows_first: bool
    leading: tuple[int, ...]
    between: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Of the scattered dimension on one rank, padding included."""
        return -(-self.scattered // self.ranks)

    @property
    def length(self) -> int:
        """Of the split dimension on one rank, padding included."""
        return -(-self.gathered // self.ranks)

    def message(self, width: int) -> tuple[int, ...]:
        """The shape of what one rank sends to another."""
        first, second = (self.rows, self.length) if self.rows_first else (self.length, self.rows)
        return (*self.leading, first, *self.between, second, width)


def exchange_of_tokens(size: Size, ranks: int) -> Exchange:
    """How frames are shared out where a frame's tokens are split.

    Each row of the batch by itself; a single frame cannot be scattered, so the batch is.

    Args:
        size: of the call.
        ranks: of the group.
    """
    if size.frames == 1:
        return Exchange(1, size.batch, size.tokens, ranks, True, (), (1,))
    return Exchange(size.batch, size.frames, size.tokens, ranks, True, (size.batch,))
