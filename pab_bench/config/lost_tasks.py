"""Names what has become of a cluster's task that left no result."""

from __future__ import annotations

import signal
from pathlib import Path

from pab_bench.config.slurm_queue import GONE, NEVER_BEGAN, TaskState
from pab_bench.store.failure_kinds import (
    CANCELLED,
    NODE_LOST,
    OTHER,
    OUT_OF_MEMORY,
    PREEMPTED,
    TIME_LIMIT,
    WORKER_KILLED,
)

_LIMIT = "hydra.launcher.timeout_min={} is its time limit"
_BY_STATE = {
    "TIMEOUT": (TIME_LIMIT, "TimeLimit", f"SLURM ended it at its time limit; {_LIMIT}"),
    "DEADLINE": (TIME_LIMIT, "TimeLimit", "SLURM ended it at its deadline"),
    "CANCELLED": (CANCELLED, "Cancelled", "it was cancelled (scancel)"),
    "NODE_FAIL": (NODE_LOST, "NodeLost", "its node went down"),
    "BOOT_FAIL": (NODE_LOST, "NodeLost", "its node did not start"),
    "PREEMPTED": (PREEMPTED, "Preempted", "another job took its place"),
    "OUT_OF_MEMORY": (
        OUT_OF_MEMORY,
        "OutOfMemory",
        "SLURM ended it since it took more memory than it asked for (hydra.launcher.mem_gb)",
    ),
    "COMPLETED": (
        OTHER,
        "NoResult",
        "it ended well, but its result is not here: the folder of results must be on a disk that "
        "all nodes share",
    ),
    GONE: (OTHER, "NoResult", "SLURM knows it no more, and it left no result"),
    NEVER_BEGAN: (
        CANCELLED,
        "Cancelled",
        "it left SLURM's queue before it began, as a cancelled one does",
    ),
}


def describe_lost(task: str, state: TaskState, limit_min: object, log: Path) -> dict[str, str]:
    """Say what a task died of, as a record keeps it: kind, type and message.

    Args:
        task: its number in SLURM.
        state: how it ended.
        limit_min: the time limit that was asked for, in minutes.
        log: the file in which its last words are, as seen from the sweep's folder.
    """
    if state.state in _BY_STATE:
        kind, name, message = _BY_STATE[state.state]
    elif state.signal in (signal.SIGUSR1, signal.SIGUSR2):
        # SLURM's warning that the limit is near; it came before the task could listen.
        told = "SLURM told it that its time is over before it had begun"
        kind, name, message = TIME_LIMIT, "TimeLimit", f"{told}; {_LIMIT}"
    elif state.signal:
        kind, name, message = WORKER_KILLED, "WorkerKilled", f"killed by {_name(state.signal)}"
    else:
        message = f"it ended with status {state.status} and no result; {log} has its last words"
        kind, name = OTHER, "WorkerFailed"
    message = message.format(limit_min)
    return {"kind": kind, "type": name, "message": f"SLURM task {task}: {message}"}


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
