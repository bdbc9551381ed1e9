"""Locks between processes: by the kernel, or by files where a file system has no other.

`flock` is kept by the kernel, and gone with its process. On some network file systems there is
none, or it holds on one machine only. `create` needs no more than that creating a file is atomic:
the file names its owner, who touches it again and again. A lock whose owner is gone, or that was
not touched for long enough, is taken over. All processes of a store must use the same.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, LeaseCompromise, SoftFileLease, Timeout

from pab_bench.errors import ConfigError
from pab_bench.names import Locks

_log = logging.getLogger(__name__)
HEARTBEAT_S = 10.0
MISSED = 6
"""After so many heartbeats that did not come, an owner counts as gone."""
_NONE = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)


class LocksUnavailable(ConfigError):
    """The file system of a store has no such locks."""


@contextmanager
def held(path: Path, kind: Locks, heartbeat_s: float = HEARTBEAT_S) -> Iterator[None]:
    """Hold a lock; others wait until it is given back, or its owner is gone.

    Args:
        path: what to lock; files beside it, whose names begin with its own, say who holds it.
        kind: how.
        heartbeat_s: of `create`; the same for all processes.

    Raises:
        LocksUnavailable: if the file system has no such locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _flock(path) if kind == "flock" else _created(path, heartbeat_s)
    with lock:
        yield


@contextmanager
def _flock(path: Path) -> Iterator[None]:
    # The library's own way out would lock on this machine what others lock by the kernel.
    lock = FileLock(path.with_name(f"{path.name}.lock"), fallback_to_soft=False)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _NONE:
            raise
        raise LocksUnavailable(
            f"store.locks=flock: {path.parent} is on a file system without such locks "
            f"({os.strerror(error.errno)}); store.locks=create makes them by creating files"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _created(path: Path, heartbeat_s: float) -> Iterator[None]:
    place = path.with_name(f"{path.name}.lease")
    lease = SoftFileLease(
        place,
        lease_duration=MISSED * heartbeat_s,
        heartbeat_interval=heartbeat_s,
        poll_interval=heartbeat_s / 40,
        on_compromise=_say_lost,
    )
    nameless = _Nameless(place, MISSED * heartbeat_s)
    while True:
        try:
            lease.acquire(timeout=heartbeat_s)
            break
        except Timeout:
            nameless.remove_if_left()
    try:
        yield
    finally:
        lease.release()


def _say_lost(lost: LeaseCompromise) -> None:
    _log.warning(
        "the lock %s was lost (%s); another process may do the same work",
        lost.lock_file,
        lost.reason,
    )


class _Nameless:
    """What a process leaves that is killed after it made a lock and before it has signed it.

    The library takes it for one of its first versions', which never signed, and waits forever.
    """

    def __init__(self, place: Path, after_s: float) -> None:
        self._place = place
        self._after_s = after_s
        self._seen: tuple[int, int] | None = None
        self._since = 0.0

    def remove_if_left(self) -> None:
        """Remove it if it was seen for long enough, by this machine's own clock."""
        try:
            status = self._place.lstat()
        except OSError:
            self._seen = None
            return
        now = time.monotonic()
        seen = status.st_ino, status.st_mtime_ns
        if status.st_size > 0 or seen != self._seen:
            self._seen, self._since = seen, now
        elif now - self._since >= self._after_s:
            self._place.unlink(missing_ok=True)
