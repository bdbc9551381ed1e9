"""What a sweep costs against its runs one by one: `python tests/benchmarks/sweep.py`.

On the embedded Latte and two cores, a grid of 12 points over gaps and windows:

- `grid_over_separate`: wall time of the grid as one sweep, divided by the sum of 12 processes of
  one point each, which load the model and make their baseline by themselves, replay nothing and
  draw no figures. `limit`: the same ratio of floating-point operations of the transformer, which
  replay and reuse leave if nothing else took time.
- `harness_share`: share of a sweep's wall time that is neither text encoding, denoising, decoding
  nor metrics: imports, loading, planning, Hydra, writing, tables, figures and report. Most of it
  does not grow with the videos, so it is measured on the same grid with 16 seeds (64 videos per
  point); `few_videos` has it for the grid of the other figures (4 videos per point). Of its
  `harness_s`, `startup_s` pass before the first job and `report_s` after the last, however many
  points there are. `harness_share_of_a_point`: the same for the points after the first alone.
- `replayed_share`: share of the variants' denoising steps that were replayed.
  `tape_over_no_tape`: wall time of the sweep with the tape, divided by that without.
- `grid_over_separate_cpu`, `tape_over_no_tape_cpu`: the same of processor time, which says more
  where the machine has other work.
- `parallel_equal`: whether two workers of joblib keep the same records as one process.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pab_bench.config import hydra_setup
from pab_bench.config.paths import ROOT
from pab_bench.config.preflight import preflight
from pab_bench.cost.conventions import CONVENTIONS
from pab_bench.cost.estimate import estimate
from pab_bench.experiment.planned import Planned, plan_points
from pab_bench.store.points import Store
from pab_bench.store.records import Record

GAPS = (2, 3, 4, 5)
WINDOWS = ("[100,800]", "[300,800]", "[450,800]")
GRID = [f"spatial_gap={','.join(map(str, GAPS))}", f"threshold={','.join(WINDOWS)}"]
FIXED = ["temporal_gap=4", "cross_gap=6", "record.curves=false"]
WITHOUT_FIGURES = (
    "import sys, analysis.build as a; a.build = lambda *_: a.BuildResult((), {}, {}, {}, ()); "
    "from pab_bench.cli import main; sys.exit(main())"
)
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--prompts", type=int, default=4, help="how many of prompts=mini, 1 to 4")
    parser.add_argument("--seeds", type=int, default=16, help="of the grid for harness_share")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    common = [*FIXED, f"steps={arguments.steps}", *_prompts(arguments.prompts)]
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), common, arguments.threads)
        seeds = f"seeds=[{','.join(map(str, range(arguments.seeds)))}]"
        more = Path(folder) / "more"
        taken = _timed(more, ["-m", *GRID, *common, seeds], arguments.threads)
        print(f"the grid with {arguments.seeds} seeds: {taken}", flush=True)
        report |= harness(more, taken)
    report |= vars(arguments) | {"points": len(GAPS) * len(WINDOWS)}
    print(json.dumps(report))


def _prompts(count: int) -> list[str]:
    import yaml

    from pab_bench.config.paths import CONF

    texts = yaml.safe_load((CONF / "prompts" / "mini.yaml").read_text())["texts"][:count]
    return [f"prompts.texts=[{','.join(texts)}]"]


def measure(folder: Path, common: list[str], threads: int) -> dict[str, Any]:
    def run(name: str, lines: list[str], program: list[str] | None = None) -> Taken:
        return _timed(folder / name, [*lines, *common], threads, program)

    grid = run("grid", ["-m", *GRID])
    print(f"the grid as one sweep: {grid}", flush=True)
    plain = run("plain", ["-m", *GRID, "measure.replay=false"])
    print(f"the grid without the tape: {plain}", flush=True)
    separate = Taken(0, 0, 0)
    for gap in GAPS:
        for window in WINDOWS:
            point = [f"spatial_gap={gap}", f"threshold={window}", "measure.replay=false"]
            took = run(f"{gap}{window}", point, ["-c", WITHOUT_FIGURES])
            separate = Taken(0, separate.wall + took.wall, separate.cpu + took.cpu)
            print(f"gap {gap}, window {window} by itself: {took}", flush=True)
    parallel_equal = equal_in_parallel(folder, common)
    records = list(Store(folder / "grid" / "results").records())
    variants = [record for record in records if not record.is_baseline]
    hydra_setup.register()
    lines = ["-m", *GRID, *common, f"results_dir={folder / 'nothing'}"]
    points, baselines = plan_points(preflight(hydra_setup.argument_parser().parse_args(lines)))
    return {
        "grid_over_separate": round(grid.wall / separate.wall, 4),
        "grid_over_separate_cpu": round(grid.cpu / separate.cpu, 4),
        "limit": round(_limit(points, baselines[0]), 4),
        "few_videos": harness(folder / "grid", grid),
        "replayed_share": round(
            float(np.mean([r.timing["denoise_s"]["replayed_share"] for r in variants])), 4
        ),
        "tape_over_no_tape": round(grid.wall / plain.wall, 4),
        "tape_over_no_tape_cpu": round(grid.cpu / plain.cpu, 4),
        "parallel_equal": parallel_equal,
        "grid_s": round(grid.wall, 1),
        "separate_s": round(separate.wall, 1),
    }


def harness(folder: Path, taken: Taken) -> dict[str, float]:
    """What a sweep spent on other things than sampling, decoding and metrics."""
    records = Store(folder / "results").records()
    work = {record.id: _spent(folder, record) for record in records}
    spent = taken.wall - sum(work.values())
    jobs = _jobs(folder)
    first, last = jobs[0][1], jobs[-1][1]
    after_the_first = sum(work[identifier] for identifier, _ in jobs[1:])
    return {
        "harness_share": round(spent / taken.wall, 4),
        "harness_share_of_a_point": round(1 - after_the_first / (last - first), 4),
        "harness_s": round(spent, 1),
        "startup_s": round(_began(folder) - taken.began, 1),
        "report_s": round(taken.began + taken.wall - last, 1),
    }


@dataclass(frozen=True)
class Taken:
    """When a process began, its wall time, and the processor time of it and its children."""

    began: float
    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s of processor time)"


def _timed(folder: Path, lines: list[str], threads: int, program: list[str] | None = None) -> Taken:
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, *(program or ["-m", "pab_bench"]), *lines]
    began, cpu = time.time(), _children_cpu()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    taken = Taken(began, time.time() - began, _children_cpu() - cpu)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return taken


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _began(folder: Path) -> float:
    """When Hydra began to sweep."""
    (path,) = (folder / "results" / "sweep").glob("*/multirun.yaml")
    return path.stat().st_mtime


def _jobs(folder: Path) -> list[tuple[str, float]]:
    """Every job's point and when it ended, in order."""
    paths = (folder / "results" / "sweep").glob("*/*/point.json")
    ended = sorted((path.stat().st_mtime, path) for path in paths)
    return [(json.loads(path.read_text())["id"], moment) for moment, path in ended]


def _spent(folder: Path, record: Record) -> float:
    """Seconds of encoding, denoising, decoding and metrics; replayed steps as long as they took."""
    steps = pd.read_parquet(Store(folder / "results").folder(record.id) / "steps.parquet")
    timing = record.timing
    # Every prompt is encoded once in the process, for the baseline.
    encoding = sum(timing["encode_s"]["values"]) if record.is_baseline else 0.0
    return float(
        encoding
        + steps.loc[~steps["replayed"], "seconds"].sum()
        + sum(timing["replay_s"]["values"])
        + sum(timing["decode_s"]["values"])
        + sum(timing["metrics_s"]["values"])
    )


def _limit(points: list[Planned], baseline: Planned) -> float:
    """Operations of the transformer in the sweep over those in runs one by one."""
    whole = _calls(baseline).sum()
    sweep, separate = whole, 0.0
    for point in points:
        calls = _calls(point)
        sweep += calls[point.replayed :].sum()
        separate += whole + calls.sum()
    return float(sweep / separate)


def _calls(point: Planned) -> Any:
    """Operations of every call of the transformer."""
    return estimate(point.settings, CONVENTIONS["transformer"]).flops.per_call


def equal_in_parallel(folder: Path, common: list[str]) -> bool:
    """Whether the sweep gives the same numbers in one process and in two workers."""
    # With the same number of threads: another one rounds sums otherwise.
    for name, launcher in (("serial", []), ("joblib", JOBLIB)):
        _timed(folder / name, ["-m", *GRID, *launcher, *common, "steps=10", "metrics=none"], 1)
    one, other = (_numbers(folder / name / "results") for name in ("serial", "joblib"))
    return bool(one) and one == other


def _numbers(results: Path) -> dict[str, Any]:
    store = Store(results)
    return {
        record.id: (
            record.status,
            record.inputs,
            record.ledger,
            record.plan,
            record.peak_cache_bytes,
            [store.frames(record.id, p, s).tobytes() for p, s in _videos(record)],
        )
        for record in store.records()
    }


def _videos(record: Record) -> list[tuple[int, int]]:
    return [(p, s) for p in range(len(record.prompts)) for s in record.seeds]


if __name__ == "__main__":
    main()
