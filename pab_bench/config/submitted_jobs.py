"""What is changed in submitit, which starts jobs on clusters: a job that is lost ends alone.

submitit itself asks accounting only, and without it waits for a killed task forever; it takes
states that a task passes through, such as CONFIGURING, for its end; and Hydra's launcher stops at
the first job that is lost, while the others go on unseen.
"""

from __future__ import annotations

import io
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.utils import JobReturn, JobStatus
from submitit.core.core import Job
from submitit.core.utils import FailedSubmissionError, UncompletedJobError
from submitit.slurm.slurm import SlurmExecutor, SlurmInfoWatcher, SlurmJob

from pab_bench.config.lost_tasks import describe_lost
from pab_bench.config.slurm_queue import GONE, NEVER_BEGAN, TaskState, states
from pab_bench.errors import BAD_CONFIGURATION, FAILED, ConfigError, report_bad_configuration
from pab_bench.store.failure_kinds import WORKER_KILLED
from pab_bench.store.lost_jobs import note_lost

_LOOK_AT_LEAST_S, _LOOK_AT_MOST_S = 2.0, 60.0
_RESULT_LATE_S = 15.0
"""For so long a network file system may hide the result of a task that has ended."""
_TOLD = "Job not requeued because: timed-out"
"""What submitit says in a task whose time is over, before the task's own program has begun."""


class QueueWatcher(SlurmInfoWatcher):
    """Knows the states of the jobs that were submitted, from SLURM's own queue."""

    def __init__(self) -> None:
        super().__init__(delay_s=int(_LOOK_AT_MOST_S))
        self._states: dict[str, TaskState] = {}
        self._ended_at: dict[str, float] = {}

    def update_if_long_enough(self, mode: str) -> None:
        """Look, if the last look was long enough ago for how long the jobs take."""
        now = time.time()
        wait = min(_LOOK_AT_MOST_S, max(_LOOK_AT_LEAST_S, (now - self._start_time) / 10))
        if mode == "force" or (mode == "standard" and now - self._last_status_check > wait):
            self.update()

    def update(self) -> None:
        """Ask SLURM about all jobs that have not ended."""
        self._num_calls += 1
        looked = states(self._registered - self._finished) if self.open_jobs() else {}
        self._last_status_check = time.time()
        for job, state in (looked or {}).items():
            # A queue that was just restarted, or a task on its way back into it.
            sure = state.state != GONE or self._states.get(job) == state
            self._states[job] = state
            if state.ended and sure:
                self._finished.add(job)
                self._ended_at[job] = time.monotonic()

    def get_state(self, job_id: str, mode: str = "standard") -> str:
        """SLURM's name for the state of a job."""
        self.get_info(job_id, mode)
        return self.state_of(job_id).state

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Whether a job has ended."""
        self.get_info(job_id, mode)
        return job_id in self._finished

    def state_of(self, job_id: str) -> TaskState:
        """The state of a job as it was when SLURM was last asked."""
        return self._states.get(job_id, TaskState("UNKNOWN"))

    def ended_for_s(self, job_id: str) -> float:
        """For how many seconds a job is known to have ended."""
        return time.monotonic() - self._ended_at.get(job_id, time.monotonic())

    def open_jobs(self) -> list[str]:
        """The numbers of the jobs that have not ended, without their places in arrays."""
        return sorted({job.split("_")[0] for job in self._registered - self._finished})


@contextmanager
def lost_jobs_are_rows() -> Iterator[None]:
    """Wait for all jobs of a launcher, and note in its folder what a job that is lost died of."""
    results, submit, watcher = Job.results, SlurmExecutor._submit_command, SlurmJob.watcher
    affinity = SlurmExecutor.__dict__["affinity"]
    SlurmJob.watcher = QueueWatcher()
    Job.results = _results(results)  # type: ignore[method-assign, assignment]
    SlurmExecutor._submit_command = _submission(submit)  # type: ignore[method-assign]
    SlurmExecutor.affinity = classmethod(_affinity)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Job.results, SlurmJob.watcher = results, watcher  # type: ignore[method-assign]
        SlurmExecutor._submit_command = submit  # type: ignore[method-assign]
        SlurmExecutor.affinity = affinity  # type: ignore[method-assign]


def _results(original: Callable[[Job[Any]], list[Any]]) -> Callable[[Job[Any]], list[Any]]:
    def results(job: Job[Any]) -> list[Any]:
        try:
            job.wait()
            if isinstance(job.watcher, QueueWatcher):
                left = _RESULT_LATE_S - job.watcher.ended_for_s(job.job_id)
                job._results_timeout_s = max(1, round(left))
            return original(job)
        except UncompletedJobError as error:
            return [_lost(job, error)]
        except KeyboardInterrupt:
            _say_what_goes_on(job)
            raise

    return results


def _lost(job: Job[Any], error: UncompletedJobError) -> JobReturn:
    submission = job.submission()
    launcher: Any = submission.function
    # As the launcher has called it.
    overrides, number, config = submission.args[0], submission.args[2], launcher.config
    sweep = Path(config.hydra.sweep.dir).absolute()
    log = job.paths.stderr
    # Records are shown to others, who have no use for where this folder lies.
    shown = log.relative_to(sweep) if log.is_relative_to(sweep) else Path(log.name)
    what = _describe(job, error, config.hydra.launcher.timeout_min, shown)
    note_lost(sweep / str(number), overrides, what)
    lost = JobReturn(overrides=overrides, status=JobStatus.COMPLETED)
    if config.on_error == "raise":
        lost.status, lost.return_value = JobStatus.FAILED, SystemExit(FAILED)
    return lost


def _describe(
    job: Job[Any], error: UncompletedJobError, limit_min: object, log: Path
) -> dict[str, str]:
    if _TOLD in str(error):
        return describe_lost(job.job_id, TaskState("TIMEOUT"), limit_min, log)
    if isinstance(job.watcher, QueueWatcher) and isinstance(job, SlurmJob):
        state = job.watcher.state_of(job.job_id)
        if state.state == GONE and not (job.paths.stdout.exists() or job.paths.stderr.exists()):
            state = TaskState(NEVER_BEGAN)
        return describe_lost(job.job_id, state, limit_min, log)
    message = f"its process ended without a word; {log} is its log"
    return {"kind": WORKER_KILLED, "type": "WorkerKilled", "message": message}


def _submission(original: Callable[[SlurmExecutor, str], Job[Any]]) -> Callable[..., Job[Any]]:
    def submit(executor: SlurmExecutor, command: str) -> Job[Any]:
        try:
            with redirect_stderr(io.StringIO()):  # It is told below.
                return original(executor, command)
        except (UncompletedJobError, FailedSubmissionError) as error:
            said = " ".join(line.removeprefix("sbatch: error: ") for line in str(error).split("\n"))
            _refuse(f"sbatch does not take the jobs: {said}")

    return submit


def _affinity(executor: type[SlurmExecutor]) -> int:
    missing = [name for name in ("sbatch", "srun", "squeue") if shutil.which(name) is None]
    if missing:
        _refuse(f"{', '.join(missing)} of SLURM cannot be found; submitit_local needs no cluster")
    return 2


def _refuse(why: str) -> NoReturn:
    report_bad_configuration(ConfigError(f"hydra/launcher=submitit_slurm: {why}"))
    # Hydra would show a traceback, but lets this pass.
    raise SystemExit(BAD_CONFIGURATION)


def _say_what_goes_on(job: Job[Any]) -> None:
    left = job.watcher.open_jobs() if isinstance(job.watcher, QueueWatcher) else []
    if left:
        print(
            f"pab_bench: SLURM goes on with what was submitted; `scancel {' '.join(left)}` ends it",
            file=sys.stderr,
        )
