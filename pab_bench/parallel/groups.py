"""The groups of ranks that share a sequence, or a half of the guidance batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import torch.distributed as dist

from pab_bench.parallel.attach import Ranks
from pab_bench.parallel.guidance import HALVES
from pab_bench.parallel.refused import ParallelRefused


def make_ranks(members: Sequence[int], guidance: bool, timeout: timedelta) -> Ranks | None:
    """Form the groups of one video; every process must call it, also those that are no members.

    Args:
        members: numbers of the processes that share the video.
        guidance: whether each half of them takes one half of the guidance batch.
        timeout: how long a collective may wait for other ranks.

    Returns:
        The groups of this process; None if it is no member.

    Raises:
        ParallelRefused: if the members cannot be halved for guidance.
    """
    if guidance and len(members) % HALVES:
        raise ParallelRefused(
            f"parallel.guidance=true: needs an even number of ranks, got {len(members)}"
        )
    each = len(members) // (HALVES if guidance else 1)
    sequences = [members[i : i + each] for i in range(0, len(members), each)]
    own = dist.get_rank()
    sequence = pair = None
    for ranks in sequences if each > 1 else ():
        group = dist.new_group(list(ranks), timeout=timeout)
        sequence = group if own in ranks else sequence
    for ranks in zip(*sequences, strict=True) if guidance else ():
        group = dist.new_group(list(ranks), timeout=timeout)
        pair = group if own in ranks else pair
    if own not in members:
        return None
    return Ranks(sequence, pair, list(members).index(own) // each if guidance else 0)
