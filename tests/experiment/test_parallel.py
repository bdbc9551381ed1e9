"""Several processes make what one makes: workers of a launcher, ranks, sweeps side by side."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from experiment.conftest import TINY, no_figures

from pab_bench.cli import main
from pab_bench.config.paths import ROOT
from pab_bench.store.points import Store

WITHOUT_FIGURES = Path(__file__).with_name("without_figures.py")
SWEEP = ["-m", "spatial_gap=2,3", "threshold=[100,700]", "seeds=[0,1]"]


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """In the test's folder, without the figures at the end, which are another test's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("analysis.build.build", no_figures)


def start(*command):
    return subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def pointers(folder):
    return [json.loads(p.read_text()) for p in sorted(Path(folder).rglob("point.json"))]


def numbers(results):
    """All that is kept of every point but times, places and what they were replayed from."""
    store = Store(Path(results))
    found = {}
    for record in store.records():
        frames = {(p, s): store.frames(record.id, p, s) for p in (0,) for s in record.seeds}
        found[record.id] = (
            record.status,
            [*record.inputs, record.ledger, record.plan, record.config, record.baseline_id],
            record.peak_cache_bytes,
            [array.tobytes() for array in frames.values()],
        )
        assert all(np.ptp(array) > 0 for array in frames.values())
    return found


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """What one process makes of the sweep."""
    folder = tmp_path_factory.mktemp("serial")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("analysis.build.build", no_figures)
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        assert main([*SWEEP, *TINY]) == 0
        torch.set_num_threads(threads)
    found = numbers(folder / "results")
    assert len(found) == 3
    return found


def test_workers_of_joblib(quiet, serial):
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    assert main([*SWEEP, *launcher, *TINY]) == 0
    assert [p["status"] for p in pointers("results/sweep")] == ["ok", "ok"]
    assert numbers("results") == serial


@pytest.mark.slow
def test_a_job_of_submitit(quiet, serial):
    one = ["-m", "spatial_gap=3", *SWEEP[2:]]
    assert main([*one, "hydra/launcher=submitit_local", *TINY]) == 0
    (pointer,) = pointers("results/sweep")
    assert pointer["status"] == "ok"
    found = numbers("results")
    assert found == {name: serial[name] for name in found}
    assert len(found) == 2


@pytest.mark.slow
def test_jobs_of_submitit(quiet, serial):
    assert main([*SWEEP, "hydra/launcher=submitit_local", *TINY]) == 0
    assert [p["status"] for p in pointers("results/sweep")] == ["ok", "ok"]
    assert numbers("results") == serial


def test_ranks_of_torchrun(quiet, serial):
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    process = start(*ranks, str(WITHOUT_FIGURES), *SWEEP, *TINY)
    shown, _ = process.communicate(timeout=300)
    assert process.returncode == 0, shown
    assert numbers("results") == serial


@pytest.mark.slow
def test_two_sweeps_at_once_share_the_work(quiet, serial):
    both = [start("-m", "pab_bench", *SWEEP, f"name={name}", *TINY) for name in ("one", "other")]
    for process in both:
        shown, _ = process.communicate(timeout=600)
        assert process.returncode == 0, shown
    assert numbers("results") == serial
    made = [p["id"] for n in ("one", "other") for p in pointers(f"results/{n}") if not p["cached"]]
    assert len(made) == len(set(made)) == 2  # Neither was made twice.


@pytest.mark.slow
def test_a_worker_that_is_killed_is_a_row_and_the_rest_is_made_by_the_same_command(quiet, serial):
    command = ["-m", "pab_bench", *SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    process = start(*command, "steps=400", *[o for o in TINY if not o.startswith("steps")])
    victim = None
    while victim is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [c for c in children if b"LokyProcess" in Path(f"/proc/{c}/cmdline").read_bytes()]
        sampling = list(Path("results").rglob("points/.locks/*"))
        victim = int(workers[0]) if workers and sampling else None
        assert process.poll() is None
    os.kill(victim, signal.SIGKILL)
    shown, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "failed; the same command again makes the rest" in shown
    kinds = {p["error"]["kind"] for p in pointers("results/sweep") if p["status"] == "failed"}
    assert kinds == {"worker_killed"}
