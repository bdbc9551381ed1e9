"""Sums over an output and its change, of both tensors of a site, in one pass over memory.

PyTorch needs fifteen operations for them, each of which reads and writes a whole output. Where
outputs fit into a processor's cache, as in small models, those take as long as a tenth of the
model; this one takes a third of that. Compiled by Numba when it is first used, and then kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_ZERO = np.float32(0)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    # Sums may be taken in any order: lanes and rows are summed apart, which is more exact, too.
    options = {"fastmath": {"reassoc", "contract", "nsz"}, "nogil": True}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Nowhere to keep it: neither beside this file nor in the user's cache.
        return numba.njit(**options)(function)


@_compiled
def _add_row(now: Floats, last: Floats, gate: Floats, last_gate: Floats, totals: Any) -> None:
    change_2 = change_1 = gated_change_2 = gated_change_1 = _ZERO
    now_2 = now_1 = gated_2 = gated_1 = _ZERO
    for channel in range(now.shape[0]):
        value, before = now[channel], last[channel]
        change = value - before
        gated = gate[channel] * value
        gated_change = gated - last_gate[channel] * before
        change_2 += change * change
        change_1 += abs(change)
        gated_change_2 += gated_change * gated_change
        gated_change_1 += abs(gated_change)
        now_2 += value * value
        now_1 += abs(value)
        gated_2 += gated * gated
        gated_1 += abs(gated)
    totals[0] += change_2
    totals[1] += change_1
    totals[2] += now_2
    totals[3] += now_1
    totals[4] += gated_change_2
    totals[5] += gated_change_1
    totals[6] += gated_2
    totals[7] += gated_1


@_compiled
def add_gated(now: Floats, last: Floats, gate: Floats, last_gate: Floats, totals: Any) -> None:
    """Add the sums of an output whose channels are gated.

    Args:
        now: the output before its gate, (batch, tokens, channels).
        last: the one before it.
        gate: (batch, channels).
        last_gate: the one before it.
        totals: float64 (8), is added to: sum of squares and of absolute values, of the change and
            of `now`; then the same after the gate.
    """
    for item in range(now.shape[0]):
        for token in range(now.shape[1]):
            _add_row(now[item, token], last[item, token], gate[item], last_gate[item], totals)


@_compiled
def _add_plain_row(now: Floats, last: Floats, totals: Any) -> None:
    change_2 = change_1 = now_2 = now_1 = _ZERO
    for channel in range(now.shape[0]):
        value = now[channel]
        change = value - last[channel]
        change_2 += change * change
        change_1 += abs(change)
        now_2 += value * value
        now_1 += abs(value)
    totals[0] += change_2
    totals[1] += change_1
    totals[2] += now_2
    totals[3] += now_1


@_compiled
def add_plain(now: Floats, last: Floats, totals: Any) -> None:
    """Add the sums of an output without a gate: the first four of `add_gated`."""
    for item in range(now.shape[0]):
        for token in range(now.shape[1]):
            _add_plain_row(now[item, token], last[item, token], totals)
