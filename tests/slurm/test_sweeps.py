"""Sweeps on a real SLURM, whose tasks end as tasks of clusters do.

Whatever happens: nothing is lost, nothing is there twice, whose task failed is a row that says why,
and the same command again makes the rest.
"""

import contextlib
import os
import signal
import time

import pytest

pytestmark = pytest.mark.slow
THREE = ("spatial_gap=2,3,4", "steps=6")
LONG = "steps=20"
"""Long enough for a task to be found while it samples."""


def test_a_plain_sweep_shares_its_baseline(sweep):
    first = sweep(*THREE)
    assert first.wait() == 0, first.shown
    assert first.rows() == ["ok", "ok", "ok"]
    assert len(set(first.made())) == 3
    assert len(first.points()) == 4
    assert "sacct" not in first.shown  # Nor any other complaint that there is no accounting.


def test_what_becomes_of_tasks_is_told_and_the_same_command_makes_the_rest(sweep, cluster):
    command = ("spatial_gap=2,3,4,5", LONG, "hydra.launcher.timeout_min=10")
    first = sweep(*command)
    sampling, process = first.freeze_sampling()
    waiting = 1 - sampling
    first.wait_until_begun(waiting)
    cluster.run("scancel", first.task(3))
    # SLURM's warning; with a limit of 10 minutes, submitit takes it for one that time is over.
    os.kill(first.workers()[waiting], signal.SIGUSR2)
    os.kill(process, signal.SIGKILL)
    assert first.wait() == 1, first.shown
    rows = first.rows()
    assert rows[sampling].startswith("failed WorkerKilled: SLURM task")
    assert "killed by SIGKILL" in rows[sampling]
    assert rows[waiting].startswith("failed TimeLimit: ")
    assert "hydra.launcher.timeout_min=10" in rows[waiting]
    assert rows[2] == "ok"
    assert rows[3].startswith("failed Cancelled: ")
    assert "1 of 4 points done, 3 failed; the same command again makes the rest" in first.shown
    assert "Traceback" not in first.shown
    assert len(first.points()) == 2

    again = sweep(*command)
    assert again.wait() == 0, again.shown
    assert again.rows() == ["ok"] * 4
    assert len(set(again.made())) == 3
    assert set(again.made()).isdisjoint(first.made())
    assert len(again.points()) == 5


def test_a_task_over_its_time_limit(sweep):
    # Without a warning, which may come a minute too early.
    limit = ("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=0")
    command = ("spatial_gap=2", LONG, *limit)
    first = sweep(*command)
    _, process = first.freeze_sampling()
    while first.runs():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)  # SLURM wakes it, to end it.
        time.sleep(0.05)
    assert first.wait() == 1, first.shown
    (row,) = first.rows()
    assert row.startswith("failed TimeLimit: SLURM task")
    assert "hydra.launcher.timeout_min=1" in row
    assert first.points() == []

    again = sweep(*command)
    assert again.wait() == 0, again.shown
    assert again.rows() == ["ok"]
    assert len(again.points()) == 2


def test_requeued_tasks_go_on(sweep, cluster):
    first = sweep("spatial_gap=2,3", LONG)
    sampling, _ = first.freeze_sampling()
    waiting = 1 - sampling
    first.wait_until_begun(waiting)
    # The same warning long before the limit: the task asks SLURM to be started again, and ends.
    os.kill(first.workers()[waiting], signal.SIGUSR2)
    cluster.run("scontrol", "requeue", first.task(sampling))
    assert first.wait() == 0, first.shown
    assert first.rows() == ["ok", "ok"]
    for number in (0, 1):
        assert "Restarts=1" in cluster.run("scontrol", "show", "job", first.task(number))
    assert len(first.points()) == 3


def test_two_sweeps_at_once(sweep):
    both = [sweep(*THREE, name=name) for name in ("one", "other")]
    for one in both:
        assert one.wait() == 0, one.shown
        assert one.rows() == ["ok", "ok", "ok"]
    made = [*both[0].made(), *both[1].made()]
    assert len(made) == len(set(made)) == 3
    assert len(both[0].points()) == 4


def test_a_node_that_goes_down(sweep, cluster):
    no_second_try = "+hydra.launcher.additional_parameters={no-requeue: true}"
    command = ("spatial_gap=2,3,4", LONG, no_second_try)
    first = sweep(*command)
    first.freeze_sampling()
    running = [task for task, state in cluster.tasks().items() if state == "RUNNING"]
    cluster.lose_node()
    cluster.start_node()
    assert first.wait() == 1, first.shown
    rows = first.rows()
    lost = {int(task.split("_")[1]) for task in running}
    assert all("its node went down" in rows[number] for number in lost)
    assert all(row == "ok" for number, row in enumerate(rows) if number not in lost)

    again = sweep(*command)
    assert again.wait() == 0, again.shown
    assert again.rows() == ["ok", "ok", "ok"]
    assert len(set(again.made())) == len(lost)
    assert len(again.points()) == 4


def test_an_interrupted_sweep_says_what_goes_on(sweep, cluster):
    first = sweep("spatial_gap=2,3", LONG)
    first.freeze_sampling()
    first.interrupt()
    assert first.wait() == 130, first.shown
    array = first.task(0).split("_")[0]
    assert f"SLURM goes on with what was submitted; `scancel {array}` ends it" in first.shown
    assert "Traceback" not in first.shown
    assert len(cluster.tasks()) == 2


def test_jobs_that_slurm_does_not_take(sweep):
    first = sweep(*THREE, "hydra.launcher.partition=nowhere")
    assert first.wait() == 2, first.shown
    assert "hydra/launcher=submitit_slurm: sbatch does not take the jobs" in first.shown
    assert "invalid partition specified: nowhere" in first.shown
    assert "Traceback" not in first.shown
