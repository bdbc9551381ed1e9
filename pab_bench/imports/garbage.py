"""Imports and loads without looking for garbage in between."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_gc() -> Iterator[None]:
    """Around what makes many objects that stay: imports, models.

    Python's collector goes through all of them again and again while they become more, which takes
    a second where nothing is garbage. What is there at the end is left out of its later rounds.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def release_loaded() -> None:
    """Before something else is loaded: what was loaded and is no longer used may go."""
    gc.unfreeze()
    gc.collect()
