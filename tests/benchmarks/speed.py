"""How far speedups can be trusted: `python tests/benchmarks/speed.py`; the last line is JSON.

On the embedded Latte, by the command line that users type, each time in results of its own:

- `control_error`, `ratio_error`: a control against 1, and three presets against what the same
  machine gave when it was quiet, while other processes take its cores at random.
- `interval_width`: the widest 95 % interval of the presets, quiet.
- `class_over_end_to_end`: by preset, the speedup from single calls over that of whole videos
  sampled in turns.
- `pass_share`: seconds of the timing pass over those of all of `-m spatial_gap=1,2,4`.
- `fixed_seconds`, `seconds_per_point`: of the harness, beside sampling (`harness.py`); with
  `--against CHECKOUT` also of another checkout.

Quiet means that nothing else runs: it is for whoever starts it to see to that. `--summary FILE`
keeps the table of the sweep.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PRESETS = ("pab236", "pab347", "pab469")
POINTS = ("none", *PRESETS)
SWEEP = ("-m", "spatial_gap=1,2,4")
_LIMIT_S = 900
_LONGEST_S = 3.0


def pab_bench(*arguments: str, root: Path = ROOT) -> float:
    """Run the command line; the seconds that it took."""
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pab_bench", *arguments]
    subprocess.run(command, check=True, env=environment, timeout=_LIMIT_S)
    return time.monotonic() - began


def speeds(results: Path, *more: str) -> dict[str, dict[str, Any]]:
    """By preset what `task=speed` says; `none` is the control."""
    file = results / "speed.json"
    grid = f"preset={','.join(POINTS)}"
    pab_bench("task=speed", "-m", grid, f"results_dir={results}", f"json={file}", *more)
    rows = json.loads(file.read_text())["points"]
    return dict(zip(POINTS, rows, strict=True))


@contextmanager
def load(seed: int) -> Iterator[None]:
    """A process for each core that computes for random times and rests in between."""
    one = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    workers = [
        subprocess.Popen([sys.executable, __file__, "--load", str(seed + number)], env=one)
        for number in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def compute_at_random(seed: int) -> None:
    """Keep a core busy now and then, until the process is killed."""
    import numpy as np

    chance = random.Random(seed)
    matrix = np.eye(256)
    while True:
        until = time.monotonic() + chance.uniform(0, _LONGEST_S)
        while time.monotonic() < until:
            matrix = matrix @ matrix
        time.sleep(chance.uniform(0, _LONGEST_S / 2))


def width(row: dict[str, Any]) -> float:
    value, low, high = row["speedup"]
    return float((high - low) / value)


def pass_share(folder: Path, summary: Path | None) -> tuple[float, float, float]:
    """Share, and seconds, of the timing pass in the sweep that everybody types first."""
    took = pab_bench(*SWEEP, f"results_dir={folder}", "name=sweep")
    (file,) = (folder / "timings").glob("*.json")
    passes = json.loads(file.read_text())["passes"]
    if summary is not None:
        (table,) = (folder / "sweep").glob("*/tables/summary.md")
        shutil.copyfile(table, summary)
    seconds = sum(timed["took_s"] for timed in passes)
    return seconds / took, seconds, took


def harness(against: Path | None) -> dict[str, Any]:
    """What `harness.py` says in its last line."""
    command = [sys.executable, str(Path(__file__).with_name("harness.py"))]
    command += [] if against is None else ["--against", str(against)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_S)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def report(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    share, pass_s, sweep_s = pass_share(folder / "share", arguments.summary)
    quiet = speeds(folder / "quiet", f"speed.turns={arguments.turns}")
    loaded = []
    for run in range(arguments.runs):
        with load(1000 * run):
            loaded.append(speeds(folder / f"loaded{run}"))
    return {
        "control_error": max(abs(found["none"]["speedup"][0] - 1) for found in loaded),
        "ratio_error": max(
            abs(found[name]["speedup"][0] / quiet[name]["speedup"][0] - 1)
            for found in loaded
            for name in PRESETS
        ),
        "interval_width": max(width(quiet[name]) for name in PRESETS),
        "class_over_end_to_end": {
            name: quiet[name]["speedup"][0] / quiet[name]["videos_speedup"][0] for name in PRESETS
        },
        "pass_share": share,
        "pass_s": pass_s,
        "sweep_s": sweep_s,
        "quiet": _shown(quiet),
        "loaded": [_shown(found) for found in loaded],
        **({} if arguments.no_harness else harness(arguments.against)),
    }


def _shown(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    names = ("speedup", "bound", "videos_speedup", "clock", "threads", "rounds")
    return {preset: {name: row.get(name) for name in names} for preset, row in rows.items()}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5, help="of whole videos")
    parser.add_argument("--runs", type=int, default=2, help="under load")
    parser.add_argument("--summary", type=Path, help="a file for the sweep's table")
    parser.add_argument("--against", type=Path, help="another checkout, for harness.py")
    parser.add_argument("--no-harness", action="store_true")
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.load is not None:
        compute_at_random(arguments.load)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(report(arguments, Path(folder))))


if __name__ == "__main__":
    main()
