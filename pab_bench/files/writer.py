"""Names of what is being written, which tell later whether its writer is still there."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import sys
import time
from functools import cache
from pathlib import Path

STALE_AFTER_S = 3600.0
"""What nobody has written to for so long is left, if its writer cannot be looked for."""

_LONGEST = 100
_OWNED = re.compile(r"\..*\.([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}\.tmp", re.DOTALL)
_KINDS = "json|safetensors|parquet|csv|md|tex|html|pdf|png|yaml|mp4"
_WITHOUT_OWNER = re.compile(
    rf"\..+\.\d+\.tmp|\..+\.({_KINDS})-[a-z0-9_]{{8}}|\.(old-)?[0-9a-f]{{20}}-[a-z0-9_]{{8}}",
    re.DOTALL,
)
"""As versions before named them."""


def temporary_name(name: str) -> str:
    """A name for what this process writes now and will call `name`: hidden, and nobody else's."""
    owner = f"{_machine()}-{os.getpid()}-{_started(os.getpid()) or 0}"
    return f".{name[:_LONGEST]}.{owner}-{secrets.token_hex(4)}.tmp"


def is_left(path: Path) -> bool:
    """Whether a file or folder was being written by a process that is gone.

    On the same machine the process is looked for. What another machine writes, and what has no
    owner in its name, is left if it has not changed for an hour. Other names are nobody's.
    """
    owned = _OWNED.fullmatch(path.name)
    if owned is None:
        return _WITHOUT_OWNER.fullmatch(path.name) is not None and _is_old(path)
    machine, pid, started = owned.groups()
    if machine != _machine() or sys.platform == "win32":
        return _is_old(path)
    if not _is_alive(int(pid)):
        return True
    now = _started(int(pid))
    return now is not None and int(started) not in (0, now)


@cache
def _machine() -> str:
    """Eight letters for what shares process numbers: a host since it was started, a container."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:  # No Linux.
        pass
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    status = _status(pid)
    return status is None or status[0] != "Z"  # Killed, and its parent has not looked yet.


def _started(pid: int) -> int | None:
    """When a process was started, in the kernel's clock ticks; None where that is not told."""
    status = _status(pid)
    return None if status is None else int(status[19])


def _status(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _is_old(path: Path) -> bool:
    try:
        changed = max(place.lstat().st_mtime for place in (path, *path.rglob("*")))
    except OSError:  # It goes just now: it is somebody's.
        return False
    return time.time() - changed > STALE_AFTER_S
