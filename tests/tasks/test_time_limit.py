"""submitit's word that the time is over is no failure of what a job computes."""

import os
import signal

import pytest
from submitit.core.job_environment import SignalHandler
from submitit.core.utils import DelayedSubmission, JobPaths, UncompletedJobError
from submitit.slurm.slurm import SlurmJobEnvironment

from pab_bench.tasks.time_limit import TimeLimit, time_limit_raised


@pytest.fixture
def listening(tmp_path):
    """Listens for the warning as submitit does in a task of 10 minutes."""
    job = DelayedSubmission(print)
    job.set_timeout(10, 0)
    handler = SignalHandler(SlurmJobEnvironment(), JobPaths(tmp_path, "1"), job)
    before = signal.signal(signal.SIGUSR2, handler.checkpoint_and_try_requeue)
    yield
    signal.signal(signal.SIGUSR2, before)


def warn():
    os.kill(os.getpid(), signal.SIGUSR2)


def warned_where_failures_are_rows():
    with time_limit_raised():
        try:
            warn()
        except Exception:
            return  # A metric, say, would be missing because of it.
        finally:
            warn()  # The second disturbs nothing.


def test_it_passes_where_failures_are_caught(listening):
    with pytest.raises(TimeLimit, match="timeout_min=10"):
        warned_where_failures_are_rows()


def test_afterwards_submitit_listens_again(listening):
    with time_limit_raised():
        pass
    with pytest.raises(UncompletedJobError):
        warn()


def test_elsewhere_nothing_is_changed():
    before = signal.getsignal(signal.SIGUSR2)
    with time_limit_raised():
        assert signal.getsignal(signal.SIGUSR2) is before
