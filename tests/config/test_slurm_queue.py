"""What SLURM's programs print is understood; the lines are those of SLURM 22.05."""

from __future__ import annotations

from pathlib import Path

import pytest

from pab_bench.config.lost_tasks import describe_lost
from pab_bench.config.slurm_queue import GONE, NEVER_BEGAN, TaskState, states
from pab_bench.config.submitted_jobs import QueueWatcher

QUEUE = """\
4_2                 CANCELLED           15
7_0                 FAILED              35072
7_1                 FAILED              256
7_2                 PENDING             0
8                   TIMEOUT             15
9_0                 FAILED              35840
9_1                 CONFIGURING         0
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Puts programs on the path that print something, or fail where there is nothing."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def say(**outputs: str | None) -> None:
        for name, output in outputs.items():
            program = tmp_path / name
            (tmp_path / f"{name}.txt").write_text(output or "")
            status = int(output is None)
            program.write_text(f"#!/bin/sh\ncat {tmp_path}/{name}.txt\nexit {status}\n")
            program.chmod(0o755)

    return say


def test_the_queue(slurm):
    slurm(squeue=QUEUE, sacct=None)
    assert states(["4_2", "7_0", "7_1", "7_2", "8", "9_0", "9_1", "5_0"]) == {
        "4_2": TaskState("CANCELLED", signal=15),
        "7_0": TaskState("FAILED", signal=9),
        "7_1": TaskState("FAILED", status=1),
        "7_2": TaskState("PENDING"),
        "8": TaskState("TIMEOUT", signal=15),
        "9_0": TaskState("FAILED", signal=12),
        "9_1": TaskState("CONFIGURING"),
        "5_0": TaskState(GONE),
    }


def test_accounting_knows_what_the_queue_forgets(slurm):
    slurm(squeue=QUEUE, sacct="5_0|CANCELLED by 1000|0:0\n5_1|FAILED|137:0\n8|COMPLETED|0:0\n")
    assert states(["5_0", "5_1", "8"]) == {
        "5_0": TaskState("CANCELLED"),
        "5_1": TaskState("FAILED", signal=9),
        "8": TaskState("TIMEOUT", signal=15),
    }


def test_a_queue_that_cannot_be_asked(slurm):
    slurm(squeue=None, sacct="5_0|COMPLETED|0:0\n")
    assert states(["5_0"]) is None


@pytest.mark.parametrize(
    "passing",
    ["PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "COMPLETING", "REQUEUED", "STAGE_OUT"],
)
def test_a_task_that_goes_on_is_waited_for(slurm, passing):
    slurm(squeue=f"7_0 {passing} 0\n", sacct=None)
    watcher = QueueWatcher()
    watcher.register_job("7_0")
    assert not watcher.is_done("7_0", mode="force")
    assert watcher.get_state("7_0") == passing
    slurm(squeue=None)  # A controller that is being restarted.
    assert not watcher.is_done("7_0", mode="force")
    slurm(squeue="7_0 FAILED 256\n")
    assert watcher.is_done("7_0", mode="force")
    assert watcher.open_jobs() == []


def test_a_task_is_gone_at_the_second_look(slurm):
    slurm(squeue="", sacct=None)
    watcher = QueueWatcher()
    watcher.register_job("7_0")
    assert not watcher.is_done("7_0", mode="force")
    watcher.update()
    assert watcher.is_done("7_0", mode="cache")


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (TaskState("TIMEOUT", signal=15), "time_limit", "hydra.launcher.timeout_min=7"),
        (TaskState("FAILED", signal=12), "time_limit", "hydra.launcher.timeout_min=7"),
        (TaskState("CANCELLED", signal=15), "cancelled", "scancel"),
        (TaskState(NEVER_BEGAN), "cancelled", "before it began"),
        (TaskState("NODE_FAIL"), "node_lost", "its node went down"),
        (TaskState("OUT_OF_MEMORY", signal=9), "out_of_memory", "hydra.launcher.mem_gb"),
        (TaskState("PREEMPTED"), "preempted", "another job took its place"),
        (TaskState("FAILED", signal=9), "worker_killed", "killed by SIGKILL"),
        (TaskState("FAILED", signal=11), "worker_killed", "killed by SIGSEGV"),
        (TaskState("FAILED", signal=99), "worker_killed", "killed by signal 99"),
        (TaskState("FAILED", status=2), "other", "status 2 and no result; a/log has"),
        (TaskState("COMPLETED"), "other", "a disk that all nodes share"),
        (TaskState(GONE), "other", "SLURM knows it no more"),
    ],
)
def test_what_a_task_died_of(state, kind, words):
    failure = describe_lost("7_0", state, 7, Path("a/log"))
    assert failure["kind"] == kind
    assert failure["message"].startswith("SLURM task 7_0: ")
    assert words in failure["message"]
    assert "{" not in failure["message"]
