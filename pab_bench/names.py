"""Names that users type and that packages of different lines know."""

from __future__ import annotations

from typing import Literal, get_args

DTYPES = ("float32", "float16", "bfloat16")
"""What models are sampled in."""

CONVENTIONS = ("transformer", "macs", "linear_macs", "one_prompt", "generation", "paper")
"""Ways to count operations; `pab_bench.cost.conventions` says what they are."""

ParallelMethod = Literal["none", "dsp", "ulysses", "megatron_sp"]
PARALLEL_METHODS: tuple[ParallelMethod, ...] = get_args(ParallelMethod)
"""How several ranks share one video; see `pab_bench.parallel`."""

Split = Literal["frames", "tokens"]
SPLITS: tuple[Split, ...] = get_args(Split)
"""The dimension of a video that is split over ranks."""

Gather = Literal["output", "hidden"]
GATHERS: tuple[Gather, ...] = get_args(Gather)
"""What of the ranks' shares is put together behind the last block."""

Locks = Literal["flock", "create"]
LOCKS: tuple[Locks, ...] = get_args(Locks)
"""What keeps processes that make the same point apart; see `pab_bench.store.locks`."""
