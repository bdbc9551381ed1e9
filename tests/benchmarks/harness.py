"""What pab_bench costs beside sampling: `python tests/benchmarks/harness.py [--against FOLDER]`.

As a share of a run it would say more about the model than about the harness. So a sweep of one
point and one of several, of few steps of the embedded Latte, are run in turns; what is left of a
process without sampling and metrics is a start and a slope:

- `fixed_seconds`: what does not grow with the points: imports, composing, checking, loading,
  warm-up, and in the end tables, figures and report of a sweep.
- `seconds_per_point`: what a point more costs: composing its job, writing, its part of figures and
  report.
- `fixed_cpu_seconds`, `cpu_seconds_per_point`: the same of processor time (user and system, with
  that of child processes), which says more where the machine has other work.
- `parts`: both of processor time for every part of `parts.py`; `process` is what is in none:
  Python's own start and end, child processes.

Of several repeats the shortest counts, part by part: other work only adds. What happens once in a
process (`ONCE`) has no slope, whatever was measured.

With `--against`, another checkout is run in turns with this one; `other` has its figures, and
`over_other` is this one's divided by them. The last line is one JSON object.
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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2]
PARTS = Path(__file__).with_name("parts.py")
NO_HARNESS = ("sampling", "metrics")


ONCE = ("process", "imports", "load", "warm_up", "check")


@dataclass(frozen=True)
class Spent:
    """Seconds of one process by part, without sampling and metrics.

    Attributes:
        wall: wall time.
        cpu: processor time, with that of child processes.
    """

    wall: dict[str, float]
    cpu: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="the folder of another checkout")
    parser.add_argument("--points", type=int, default=6, help="of the larger sweep, 2 to 7")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    checkouts = [HERE, *([] if options.against is None else [options.against.resolve()])]
    spent: dict[tuple[Path, int], list[Spent]] = {}
    for repeat in range(options.repeats):
        # Every second time the other way round: a drift of the machine is nobody's.
        for checkout in checkouts[:: -1 if repeat % 2 else 1]:
            for points in (1, options.points):
                taken = run(checkout, points, options.steps)
                spent.setdefault((checkout, points), []).append(taken)
                print(
                    f"{checkout}, points: {points}: {sum(taken.wall.values()):.1f} s "
                    f"({sum(taken.cpu.values()):.1f} s of processor time) beside sampling",
                    flush=True,
                )
    found = [
        start_and_slope(spent[checkout, 1], spent[checkout, options.points], options.points)
        for checkout in checkouts
    ]
    report = {**found[0], "points": options.points, "repeats": options.repeats}
    if options.against is not None:
        report["other"] = found[1]
        report["over_other"] = {
            name: round(value / found[1][name], 3)
            for name, value in found[0].items()
            if name != "parts"
        }
    print(json.dumps(report))


def run(checkout: Path, points: int, steps: int) -> Spent:
    """Run a sweep of so many points with the code of a checkout."""
    gaps = ",".join(str(gap) for gap in range(2, points + 2))
    lines = ["-m", f"spatial_gap={gaps}", f"steps={steps}", "prompts.texts=[a dog]"]
    if (checkout / "conf" / "measure" / "none.yaml").exists():
        lines.append("measure=none")  # Timing calls in turns is measuring, not harness.
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        seconds = Path(folder) / "seconds.json"
        command = [sys.executable, str(PARTS), str(seconds), *lines]
        began, cpu = time.perf_counter(), _children_cpu()
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        wall, cpu = time.perf_counter() - began, _children_cpu() - cpu
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        parts = json.loads(seconds.read_text())
    wall_parts, cpu_parts = (
        {part: value for part, value in parts[kind].items() if part not in NO_HARNESS}
        | {"process": total - sum(parts[kind].values())}
        for kind, total in (("wall", wall), ("cpu", cpu))
    )
    return Spent(wall_parts, cpu_parts)


def start_and_slope(one: Sequence[Spent], many: Sequence[Spent], points: int) -> dict[str, Any]:
    """What is fixed and what a point costs, from sweeps of two sizes.

    Args:
        one: runs of one point.
        many: runs of several.
        points: how many.
    """
    wall = _lines([taken.wall for taken in one], [taken.wall for taken in many], points)
    cpu = _lines([taken.cpu for taken in one], [taken.cpu for taken in many], points)
    found: dict[str, Any] = {}
    for kind, lines in (("", wall), ("cpu_", cpu)):
        found[f"fixed_{kind}seconds"] = round(sum(start for start, _ in lines.values()), 3)
        found[f"{kind}seconds_per_point"] = round(sum(slope for _, slope in lines.values()), 4)
    found["parts"] = {
        part: {"fixed": round(start, 3), "per_point": round(slope, 4)}
        for part, (start, slope) in sorted(cpu.items(), key=lambda entry: -entry[1][0])
    }
    return found


def _lines(
    one: Sequence[dict[str, float]], many: Sequence[dict[str, float]], points: int
) -> dict[str, tuple[float, float]]:
    """Start and slope of every part."""

    def shortest(runs: Sequence[dict[str, float]]) -> float:
        return min(run.get(part, 0.0) for run in runs)

    lines = {}
    for part in dict.fromkeys(part for run in (*one, *many) for part in run):
        if part in ONCE:
            lines[part] = shortest([*one, *many]), 0.0
        else:
            slope = (shortest(many) - shortest(one)) / (points - 1)
            lines[part] = shortest(one) - slope, slope
    return lines


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
