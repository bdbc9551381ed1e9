"""How long the analysis of a large store takes, and how much memory.

    python tests/benchmarks/drawing.py [--points 5000] [--curve-rows 1000000]

Writes a synthetic store into a temporary folder and builds everything of it in a process of its
own. The last line is JSON: seconds (wall), cpu_seconds, peak_gib, and the report's size in MB.
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
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "analysis")]

import grids  # noqa: E402
import synthetic  # noqa: E402

KINDS = ("spatial", "temporal", "cross")
CALLS, BLOCKS, FRAMES, SIDE = 50, 28, 16, 64
GROUPS = (*synthetic.GROUPS, ("mlp", "temporal"))
TENSORS = ("ungated", "gated")


def write_store(results: Path, points: int, curve_rows: int) -> Path:
    """Write a baseline with curves and a sweep of points with metrics, plans and videos."""
    rng = np.random.default_rng(0)
    gaps = rng.integers(1, 10, (points, 3))
    own = [
        {k: grids.rule(int(g)) for k, g in zip(KINDS, row, strict=True) if g > 1} for row in gaps
    ]
    sweep = grids.write_sweep(results, [(rules, "output") for rules in own])
    store = results / "points"
    write_curves(store / grids.BASELINE / "curves.parquet", curve_rows, rng)
    plan = results / "plan.parquet"
    write_plan(plan)
    video = results / "video.safetensors"
    save_file({"frames": rng.integers(0, 255, (FRAMES, SIDE, SIDE, 3), dtype=np.uint8)}, video)
    for folder in store.iterdir():
        # The same content for all: it is read as often as if it were their own.
        os.link(plan, folder / "plan.parquet")
        (folder / "videos").mkdir()
        for prompt, seed in grids.VIDEOS:
            os.link(video, folder / "videos" / f"{prompt:03d}-{seed}.safetensors")
    return sweep


def write_curves(path: Path, rows: int, rng: np.random.Generator) -> None:
    """At least so many rows of attention differences."""
    one = [
        (step, 1000 - 20 * step, kind, branch, block, tensor)
        for step in range(1, CALLS)
        for kind, branch in GROUPS
        for block in range(BLOCKS)
        for tensor in TENSORS
    ]
    columns = ["step", "timestep", "kind", "branch", "block", "tensor"]
    video = pd.DataFrame(one, columns=columns)
    parts = [video.assign(prompt=place, seed=0) for place in range(-(-rows // len(video)))]
    table = pd.concat(parts, ignore_index=True)
    table["mse"] = rng.lognormal(-5, 1, len(table))
    table = table.assign(relative_l1=table["mse"], cosine=0.9, energy=1.0)
    table.to_parquet(path, index=False)


def write_plan(path: Path) -> None:
    """A full-size plan in which every second call reuses."""
    rows = [
        (kind, branch, call, 1000 - 20 * call, block, call - call % 2, bool(call % 2))
        for kind, branch in GROUPS
        for call in range(CALLS)
        for block in range(BLOCKS)
    ]
    columns = ["kind", "branch", "call", "timestep", "block", "source", "reuse"]
    pd.DataFrame(rows, columns=columns).to_parquet(path, index=False)


def main() -> None:
    """Write the store, build, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--curve-rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        sweep = write_store(Path(folder), options.points, options.curve_rows)
        print(f"store of {options.points} points written in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "analysis", "--quiet", str(sweep)], check=True, cwd=ROOT
        )
        seconds = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
            "peak_gib": round(used.ru_maxrss / 2**20, 2),  # Linux counts in KiB.
            "report_mb": round((sweep / "report.html").stat().st_size / 1e6, 1),
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
