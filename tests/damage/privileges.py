"""A superuser may read every file; tests of files that may not be read give that up."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION = 0x20080522
_ANY_FILE = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Obey the permissions of files, as whoever is no superuser does anyway."""
    if sys.platform != "linux" and os.geteuid() == 0:
        pytest.skip("a superuser may read every file here")
    if os.geteuid() != 0:
        yield
        return
    before = _capabilities()
    low = before[0] & ~_ANY_FILE
    _set([low, *before[1:]])
    try:
        yield
    finally:
        _set(before)


def _header() -> ctypes.Array:
    return (ctypes.c_uint32 * 2)(_VERSION, 0)


def _capabilities() -> list[int]:
    """Effective, permitted and inheritable ones, twice 32 bits each, of this thread."""
    words = (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capget(_header(), words) == 0
    return list(words)


def _set(words: list[int]) -> None:
    assert ctypes.CDLL(None).capset(_header(), (ctypes.c_uint32 * 6)(*words)) == 0
