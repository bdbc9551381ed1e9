"""Tells which ranks still live: each counts up in the ranks' common store while it does.

A collective that fails says that a connection is gone, or that time is up, and not whose.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from typing import Any

_EVERY_S = 1.0
_SILENT_S = 12.0
"""A rank that has not counted for so long is lost; a busy machine delays counting."""
_MORE_S = 6.0
_TIMEOUT = timedelta(seconds=10)


class Heartbeat:
    """Counts for one rank, in a thread of its own, from `start` to `stop`.

    Args:
        rank: this process' number.
    """

    def __init__(self, rank: int) -> None:
        self._rank = rank
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pab_bench_heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def stop(self) -> None:
        """End, before the store does."""
        self._ended.set()
        self._thread.join(timeout=2 * _EVERY_S)

    def linger(self) -> None:
        """Go on for as long as somebody may be looking who is lost."""
        time.sleep(_SILENT_S + _MORE_S)

    def _beat(self) -> None:
        try:
            store = _store()
            while not self._ended.wait(_EVERY_S):
                store.add(_key(self._rank), 1)
        except RuntimeError:  # The store is gone, and the run with it.
            return


def lost_ranks(ranks: int) -> list[int]:
    """Wait, and name the ranks that did not count meanwhile.

    Args:
        ranks: how many there are; each has started its heartbeat.

    Returns:
        Their numbers; 0 alone where the store that it may host is gone.
    """
    try:
        store = _store()
        before = [store.add(_key(rank), 0) for rank in range(ranks)]
        time.sleep(_SILENT_S)
        return [r for r in range(ranks) if store.add(_key(r), 0) == before[r]]
    except RuntimeError:
        return [0]


def _key(rank: int) -> str:
    return f"pab_bench/alive/{rank}"


def _store() -> Any:
    """A connection of one's own to the store in which the ranks have met."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    return TCPStore(address, port, is_master=False, wait_for_workers=False, timeout=_TIMEOUT)
