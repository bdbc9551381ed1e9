"""What a process grows by from point to point: `python tests/benchmarks/memory_over_points.py`.

A sweep of many small points of the embedded Latte, with metrics and videos, in one process. After
every ten points garbage is collected and freed memory is given back to the system; then

- `resident_mb`: memory of the process, `objects`: what Python's collector knows.

The first half fills caches that have an end. Of the second half, by least squares:

- `kb_per_point`, `objects_per_point`.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

EVERY = 10
GAPS = range(2, 12)
SMALL = (
    "steps=6",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "metrics.names=[psnr]",
    "prompts.texts=[a large red circle moves right slowly over a black background]",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=300, help="in hundreds")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(arguments.points, arguments.threads, Path(folder))
    half = np.array(rows[len(rows) // 2 :])
    print(
        json.dumps(
            {
                "points": len(rows) * EVERY,
                "resident_mb": [round(row[1], 1) for row in rows],
                "objects": [int(row[2]) for row in rows],
                "kb_per_point": round(1000 * _slope(half[:, 0], half[:, 1]), 1),
                "objects_per_point": round(_slope(half[:, 0], half[:, 2]), 1),
            }
        )
    )


def measure(points: int, threads: int, folder: Path) -> list[tuple[float, float, float]]:
    """Sample the points; after every ten their number, megabytes and objects."""
    import torch

    import analysis.build
    from analysis.build import BuildResult
    from pab_bench.cli import main as pab_bench
    from pab_bench.tasks import run

    torch.set_num_threads(threads)
    analysis.build.build = lambda *_: BuildResult((), {}, {}, {}, ())
    rows: list[tuple[float, float, float]] = []
    own: Callable[..., Any] = run.run_job
    done = itertools.count(1)

    def observed(*given: Any) -> Any:
        result = own(*given)
        number = next(done)
        if number % EVERY == 0:
            gc.collect()
            _give_back()
            rows.append((number, resident_mb(), len(gc.get_objects())))
            print(f"{number} points: {rows[-1][1]:.1f} MB, {rows[-1][2]} objects", flush=True)
        return result

    run.run_job = observed
    grid = [f"{kind}_gap={','.join(map(str, GAPS))}" for kind in ("spatial", "temporal")]
    third = f"cross_gap={','.join(map(str, range(2, 2 + points // len(GAPS) ** 2)))}"
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        pab_bench(["-m", f"results_dir={folder}", *grid, third, *SMALL])
    return rows


def resident_mb() -> float:
    """Memory of this process that is in use, in units of 10^6 bytes; Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _give_back() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # Another C library than GNU's.
            ctypes.CDLL(None).malloc_trim(0)


def _slope(points: np.ndarray, values: np.ndarray) -> float:
    return float(np.polyfit(points, values, 1)[0])


if __name__ == "__main__":
    main()
