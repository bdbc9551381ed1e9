"""A sweep on a cluster, as somebody types it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pandas as pd
from slurm.cluster import Cluster, processes, wait_until

from pab_bench.config.paths import ROOT
from pab_bench.files import read_sealed_json
from pab_bench.store.points import Store

SMALL = (
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.cpus_per_task=1",
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "spatial_threshold=[100,800]",
    "metrics.names=[psnr]",
    "record.videos=false",
    "record.curves=false",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
)


class Sweep:
    """The process of `python -m pab_bench -m ...`, and what it leaves."""

    def __init__(self, cluster: Cluster, folder: Path, arguments: Sequence[str], name: str) -> None:
        self.cluster = cluster
        self.results = folder / "results"
        self.name = name
        self._before = set(self.folders())
        places = (f"results_dir={self.results}", f"name={name}")
        command = ("-m", "pab_bench", "-m", *SMALL, *places, *arguments)
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**cluster.environment, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.shown = ""

    def folders(self) -> list[Path]:
        """The folders of all sweeps of this name."""
        return sorted(path.parent for path in self.results.glob(f"{self.name}/*/.submitit"))

    def _own_folders(self) -> set[Path]:
        return set(self.folders()) - self._before

    @cached_property
    def folder(self) -> Path:
        """This sweep's own; asked for before the next one begins."""
        wait_until(lambda: self._own_folders() or not self.runs())
        assert len(self._own_folders()) == 1, self.shown
        return self._own_folders().pop()

    def wait(self, seconds: float = 240) -> int:
        """The exit status."""
        self.shown, _ = self._process.communicate(timeout=seconds)
        if self._own_folders():
            _ = self.folder
        return self._process.returncode

    def runs(self) -> bool:
        return self._process.poll() is None

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def task(self, number: int) -> str:
        """The number in SLURM of the task of a job; the sweep has several."""
        wait_until(lambda: list(self.folder.glob(".submitit/*/*_submission.sh")))
        (script,) = self.folder.glob(".submitit/*/*_submission.sh")
        return f"{script.name.split('_')[0]}_{number}"

    def freeze_sampling(self) -> tuple[int, int]:
        """Stop the first process that makes a point, so that it is found at that.

        Returns:
            The number of its job, and its own. Jobs that share its baseline wait for it.
        """
        wait_until(lambda: any(_has_lock(process) for process in self.workers().values()))
        (found,) = (item for item in self.workers().items() if _has_lock(item[1]))
        os.kill(found[1], signal.SIGSTOP)
        return found

    def wait_until_begun(self, number: int) -> None:
        """Until a job's own process is at work."""
        wait_until((self.folder / str(number) / ".hydra" / "overrides.yaml").exists)

    def workers(self) -> dict[int, int]:
        """The processes of the jobs that run, by the numbers of the jobs."""
        found = {}
        for process in processes(f"SLURM_CONF={self.cluster.configuration}"):
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{process}/cmdline").read_text().split("\0")
                ours = command[4:5] and command[4].startswith(f"{self.folder}/")
                if ours and command[2:4] == ["-m", "submitit.core._submit"]:
                    lines = Path(f"/proc/{process}/environ").read_text().split("\0")
                    variables = dict(line.split("=", 1) for line in lines if "=" in line)
                    found[int(variables.get("SLURM_ARRAY_TASK_ID", 0))] = process
        return found

    def rows(self) -> list[str]:
        """Status and reason of every row of the summary, in the order of jobs."""
        frame = pd.read_csv(self.folder / "summary.csv").sort_values("job")
        return [
            row.status if row.status == "ok" else f"{row.status} {row.error}"
            for row in frame.itertuples()
        ]

    def made(self) -> list[str]:
        """The points that this sweep's jobs have made, not found."""
        pointers = [read_sealed_json(path) for path in self.folder.glob("*/point.json")]
        return [p["id"] for p in pointers if p["status"] == "ok" and not p["cached"]]

    def points(self) -> list[str]:
        """All points of the store: each is whole, and what was written."""
        store = Store(self.results)
        folders = [p.name for p in store.points.iterdir() if not p.name.startswith(".")]
        records = [store.load(name, verify=True) for name in sorted(folders)]
        assert all(record is not None and record.status == "ok" for record in records)
        return sorted(folders)


def _has_lock(process: int) -> bool:
    """Whether a process holds the lock of a point, or has just asked for it."""
    with contextlib.suppress(OSError):
        files = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()]
        return any("/points/.locks/" in file for file in files)
    return False
