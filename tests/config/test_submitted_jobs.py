"""A job that is lost ends alone: the others are waited for, and it is a row."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pab_bench.config.paths import ROOT

SWEEP = (
    *("-m", "spatial_gap=2,3", "steps=40", "hydra/launcher=submitit_local", "metrics=none"),
    *(
        "model.height=32",
        "model.width=32",
        "speed.calls=false",
        "spatial_threshold=[100,800]",
        "record.videos=false",
    ),
    "prompts.texts=[a large red circle moves right slowly over a black background]",
)


def worker(folder: Path, number: int) -> int:
    """The number of the process that has begun a job: it holds the job's log open."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for path in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                file = os.readlink(path)
                if file.startswith(f"{folder}/") and file.endswith(f"/{number}/pab_bench.log"):
                    return int(path.parts[2])
        time.sleep(0.1)
    pytest.fail("the job has not begun")


@pytest.mark.slow
def test_a_job_on_this_machine_is_killed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "pab_bench", *SWEEP],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.kill(worker(tmp_path, 0), signal.SIGKILL)
    shown, _ = process.communicate(timeout=300)
    assert process.returncode == 1, shown
    assert "1 of 2 points done, 1 failed; the same command again makes the rest" in shown
    assert "Traceback" not in shown
    files = sorted(tmp_path.glob("results/sweep/*/*/point.json"))
    killed, done = (json.loads(path.read_text()) for path in files)
    assert killed["error"]["kind"] == "worker_killed"
    log = killed["error"]["message"].split("; ")[1].removesuffix(" is its log")
    assert (files[0].parents[1] / log).is_file()
    assert not Path(log).is_absolute()
    assert "spatial_gap=2" in killed["overrides"]
    assert done["status"] == "ok"
