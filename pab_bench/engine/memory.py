"""What a policy keeps, and of which call that is which it takes out again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from pab_bench.engine.cache import Cache
from pab_bench.engine.cache_options import CacheOptions

Origin = tuple[int, int]
"""Lane and call in which something was kept."""


class Memory(Cache[Any]):
    """A cache that notes where what is taken out of it comes from."""

    def __init__(self, options: CacheOptions | None = None) -> None:
        super().__init__(options)
        self._origins: dict[Any, Origin] = {}
        self._now: Origin = (0, 0)
        self._taken: set[Origin] | None = None

    def begin_call(self, lane: int, call: int) -> None:
        """What is kept from here on is of this call."""
        self._now = lane, call

    def begin_supply(self) -> None:
        """A policy is about to give an output, rather than to decide."""
        self._taken = set()

    def end_supply(self) -> set[Origin]:
        """Where all comes from that it has taken since, but for what is of the call itself."""
        taken = self._taken or set()
        self._taken = None
        return taken - {self._now}

    def put(self, address: Any, tensors: Sequence[torch.Tensor]) -> None:
        """Keep `tensors` under an address, in place of what may be there."""
        super().put(address, tensors)
        self._origins[address] = self._now

    def get(self, address: Any, last: bool) -> list[torch.Tensor]:
        """What was kept, as it was given; with `last` it is forgotten."""
        if self._taken is not None:
            self._taken.add(self._origins[address])
        return super().get(address, last)
