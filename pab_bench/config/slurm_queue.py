"""What SLURM knows of its tasks: in which state each is, and how it ended.

The queue is asked first (`squeue`): every SLURM has it, and it is right at once. It forgets a task
some minutes after its end; then accounting is asked (`sacct`), which many clusters do not have.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

_QUEUE = ("squeue", "--me", "--array", "--states=all", "--noheader")
_QUEUE_COLUMNS = "--Format=JobArrayID:64,State:32,exit_code:32"
_ACCOUNTS = ("sacct", "--allocations", "--noheader", "--parsable2", "--array")
_ACCOUNT_COLUMNS = "--format=JobID,State,ExitCode"
_TIMEOUT_S = 60
_ENDED = (
    *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "DEADLINE"),
    *("NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
)
GONE = "GONE"
"""The state of a task of which SLURM knows nothing any more."""
NEVER_BEGAN = "NEVER_BEGAN"
"""The same, if it has not written a word: SLURM forgets at once what is cancelled in its queue."""


@dataclass(frozen=True)
class TaskState:
    """What SLURM says of a task.

    Attributes:
        state: SLURM's name for it, such as RUNNING or TIMEOUT; or `GONE`.
        status: the exit status of its program, from 0.
        signal: the number of the signal that ended it; 0 for none.
    """

    state: str
    status: int = 0
    signal: int = 0

    @property
    def ended(self) -> bool:
        """Whether it will not go on: every other state is one before, between or while it runs."""
        return self.state in _ENDED or self.state == GONE


def states(tasks: Iterable[str]) -> dict[str, TaskState] | None:
    """Ask SLURM about tasks of this user.

    Args:
        tasks: numbers as `12`, or `12_3` for one of an array.

    Returns:
        The state of each; a task that neither the queue nor accounting knows is `GONE`. None if
        the queue cannot be asked now, so that nothing is known.
    """
    wanted = set(tasks)
    shown = _output([*_QUEUE, _QUEUE_COLUMNS])
    if shown is None:
        return None
    found = {task: state for task, state in _rows(shown, None) if task in wanted}
    missing = wanted - set(found)
    if missing:
        jobs = ",".join(sorted({task.split("_")[0] for task in missing}))
        shown = _output([*_ACCOUNTS, _ACCOUNT_COLUMNS, f"--jobs={jobs}"]) or ""
        found |= {task: state for task, state in _rows(shown, "|") if task in missing}
    return {task: found.get(task, TaskState(GONE)) for task in wanted}


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _rows(text: str, separator: str | None) -> Iterable[tuple[str, TaskState]]:
    for line in text.splitlines():
        cells = line.split(separator)
        if len(cells) >= 3:
            # Accounting says `CANCELLED by 1000`.
            yield cells[0], TaskState(cells[1].split()[0], *_exit(cells[2]))


def _exit(text: str) -> tuple[int, int]:
    """Status and signal, from `STATUS:SIGNAL` or from what `wait` returns.

    A program that a signal has ended is often known by its shell's status only: 128 + signal.
    """
    if ":" in text:
        status, signal = (int(part) for part in text.split(":", 1))
    else:
        code = os.waitstatus_to_exitcode(int(text)) if text.isdecimal() else 0
        status, signal = max(code, 0), max(-code, 0)
    return (status, signal) if signal or status <= 128 else (0, status - 128)
