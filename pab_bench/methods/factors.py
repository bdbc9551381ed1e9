"""Values as Taylor polynomials of the calls at which they were computed.

Source: TaylorSeer, arXiv 2503.06923; diffusers 0.42, `hooks/taylorseer_cache.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pab_bench.engine.places import Tensor, Tensors


class Factors:
    """Backward differences of values, each divided by the calls that lie between two of them.

    Args:
        order: of the polynomials.
        dtype: in which factors are kept, by name; None = in that of the values.
        since: values that are computed before this call have no differences.
    """

    def __init__(self, order: int, dtype: str | None, since: int = 0) -> None:
        self._order, self._dtype, self._since = order, dtype, since
        self._last: dict[Any, tuple[int, int, Any]] = {}

    def updated(self, memory: Any, address: Any, call: int, values: Tensors) -> Sequence[Tensor]:
        """Make the factors of new values.

        Args:
            memory: has the factors until now at the address, unless these are the first values.
            address: of the values.
            call: at which they were computed.
            values: as many as ever.

        Returns:
            Those of order 0, then those of order 1, and so on.
        """
        known: Sequence[Tensor] = memory.get(address, last=True) if address in memory else ()
        before = known if call >= self._since else ()
        number = len(values)
        distance = call - self._last[address][0] if address in self._last else 0
        self._last[address] = call, number, values[0].dtype
        rows = [list(values)]
        for order in range(min(len(before) // number, self._order)):
            older = before[order * number : (order + 1) * number]
            rows.append(
                [(n - o.to(n.dtype)) / distance for n, o in zip(rows[-1], older, strict=True)]
            )
        return [self._kept(tensor) for row in rows for tensor in row]

    def _kept(self, tensor: Tensor) -> Tensor:
        if self._dtype is None:
            return tensor
        # By the tensor's own methods: torch need not be imported here.
        name = {"float32": "float", "bfloat16": "bfloat16", "float16": "half"}[self._dtype]
        kept: Tensor = getattr(tensor, name)()
        return kept

    def value(self, address: Any, call: int, kept: Sequence[Tensor]) -> list[Tensor]:
        """Extrapolate the values to a call.

        Args:
            address: of the values.
            call: after that at which they were computed.
            kept: what `updated` gave.
        """
        computed, number, dtype = self._last[address]
        made = [tensor.to(dtype) for tensor in kept[:number]]
        for order in range(1, len(kept) // number):
            weight = (call - computed) ** order / math.factorial(order)
            row = kept[order * number : (order + 1) * number]
            made = [own + factor.to(dtype) * weight for own, factor in zip(made, row, strict=True)]
        return made
