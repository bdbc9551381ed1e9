"""A cluster's time limit ends a job, and is no failure of what the job computes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimeLimit(BaseException):
    """The time of this process is nearly over.

    No `Exception`: what it interrupts is told apart from what has failed, and neither a metric nor
    a point counts as impossible because of it.
    """


@contextmanager
def time_limit_raised() -> Iterator[None]:
    """Raise TimeLimit where submitit, which hears the cluster's warning, would end the job.

    A task that is to go on later leaves by SystemExit, as before. Elsewhere nothing is changed.
    """
    if "submitit" not in sys.modules:
        yield
        return
    from submitit.core.job_environment import JobEnvironment, SignalHandler
    from submitit.core.utils import UncompletedJobError

    number = JobEnvironment._usr_sig()
    listening = signal.getsignal(number)
    listener = getattr(listening, "__self__", None)
    if not isinstance(listener, SignalHandler) or not callable(listening):
        yield
        return

    def hear(received: int, frame: FrameType | None) -> None:
        # Some clusters say it several times; the first begins the end.
        signal.signal(number, signal.SIG_IGN)
        try:
            listening(received, frame)
        except UncompletedJobError as error:
            minutes = listener._delayed._timeout_min
            raise TimeLimit(
                f"stopped before the cluster's time limit; hydra.launcher.timeout_min={minutes} "
                "is its time limit"
            ) from error

    signal.signal(number, hear)
    try:
        yield
    finally:
        signal.signal(number, listening)
