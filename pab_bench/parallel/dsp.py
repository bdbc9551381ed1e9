"""Dynamic sequence parallelism: the split moves to the rows for one attention, and back.

Source: arXiv 2403.10266, and VideoSys, where PAB's broadcast sequence parallelism comes from
(arXiv 2408.12588, section 3.3).
"""

from __future__ import annotations

from typing import Any

import torch

from pab_bench.parallel.collectives import Group, all_to_all, padded
from pab_bench.parallel.size import Exchange


def switch(x: torch.Tensor, exchange: Exchange, group: Group) -> torch.Tensor:
    """Give this rank its share of the rows, whole, for its share of all rows.

    Args:
        x: (kept * scattered, share of the split dimension, width).
        exchange: the lengths.
        group: the ranks.

    Returns:
        (kept * share of the scattered dimension, split dimension, width); the latter without
        padding, so that nothing attends to that.
    """
    width, ranks = x.shape[-1], exchange.ranks
    rows = padded(x.unflatten(0, (exchange.kept, -1)), 1, exchange.rows * ranks)
    # (ranks, kept, rows, length, width)
    messages = rows.unflatten(1, (ranks, exchange.rows)).transpose(0, 1)
    received = _exchanged(messages, exchange, group)
    # (kept, rows, ranks, length, width)
    whole = received.permute(1, 2, 0, 3, 4).flatten(2, 3)
    return whole[:, :, : exchange.gathered].reshape(-1, exchange.gathered, width)


def switch_back(x: torch.Tensor, exchange: Exchange, group: Group) -> torch.Tensor:
    """Undo `switch`: whole rows become this rank's share of all rows."""
    width, ranks = x.shape[-1], exchange.ranks
    rows = padded(x.unflatten(0, (exchange.kept, -1)), 2, exchange.length * ranks)
    # (ranks, kept, rows, length, width)
    messages = rows.unflatten(2, (ranks, exchange.length)).permute(2, 0, 1, 3, 4)
    received = _exchanged(messages, exchange, group)
    # (kept, ranks, rows, length, width)
    whole = received.transpose(0, 1).flatten(1, 2)
    return whole[:, : exchange.scattered].reshape(-1, exchange.length, width)


def own_rows(x: Any, exchange: Exchange, group: Group) -> Any:
    """Of something that every rank has for all rows, such as a mask, the part for its own.

    Args:
        x: (kept * scattered, ...), or anything that is not one per row, which stays.
        exchange: the lengths.
        group: the ranks.
    """
    if not isinstance(x, torch.Tensor) or x.shape[0] != exchange.kept * exchange.scattered:
        return x
    rows = padded(x.unflatten(0, (exchange.kept, -1)), 1, exchange.rows * exchange.ranks)
    return rows.narrow(1, group.rank() * exchange.rows, exchange.rows).flatten(0, 1)


def _exchanged(messages: torch.Tensor, exchange: Exchange, group: Group) -> torch.Tensor:
    """(ranks, kept, rows, length, width) that were sent for those that are to be."""
    if not exchange.rows_first:
        messages = messages.transpose(2, 3)
    shape = messages.shape
    sent = messages.reshape(exchange.ranks, *exchange.message(shape[-1]))
    received = all_to_all(sent, group).reshape(shape)
    return received if exchange.rows_first else received.transpose(2, 3)
