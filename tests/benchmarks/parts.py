"""Runs a command line of pab_bench and says which of its parts took how much of the process.

    python tests/benchmarks/parts.py seconds.json -m spatial_gap=1,2,4

A thread looks at what the main thread is doing, a hundred times a second. Of the frames on its
stack the innermost that belongs to a part says which one; the wall and processor seconds since the
last look are that part's. So a part needs no hook in the program, and other checkouts (first in
PYTHONPATH) can be looked at in the same way. Python's own start and end are in no part.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import defaultdict
from functools import cache
from pathlib import Path
from types import FrameType

PERIOD_S = 0.01
PLACES = (
    ("imports", "<frozen importlib", ""),
    ("pdf", "/matplotlib/backends/backend_pdf.py", ""),
    ("figures", "/analysis/figures/", ""),
    ("figures", "/analysis/drawing.py", ""),
    ("report", "/analysis/report/", ""),
    ("tables", "/analysis/", ""),
    ("warm_up", "/pab_bench/experiment/session.py", "warm_up"),
    ("sampling", "/pab_bench/experiment/video.py", ""),
    ("sampling", "/pab_bench/speed/", ""),
    ("metrics", "/pab_bench/experiment/measuring.py", ""),
    ("load", "/pab_bench/systems/registry.py", "load_sampler"),
    ("digests", "/pab_bench/files/digests.py", ""),
    ("mp4", "/pab_bench/store/mp4.py", ""),
    ("write", "/pab_bench/store/", ""),
    ("check", "/pab_bench/systems/registry.py", "check_videos"),
    ("check", "/pab_bench/systems/registry.py", "check_checkpoints"),
    ("compose", "/hydra/", ""),
    ("compose", "/pab_bench/config/", ""),
)
"""Part, what a file's name contains, and the function (empty: any), first match first."""
REST = "rest"


def part_of(frame: FrameType | None) -> str:
    """The part that a stack is in."""
    while frame is not None:
        part = _own_part(frame.f_code.co_filename, frame.f_code.co_name)
        if part is not None:
            return part
        frame = frame.f_back
    return REST


@cache
def _own_part(path: str, name: str) -> str | None:
    for part, file, function in PLACES:
        if file in path and function in ("", name):
            return part
    return None


class Clock(threading.Thread):
    """Looks at the main thread until it is told to stop.

    Attributes:
        wall: seconds by part.
        cpu: processor seconds of the whole process by part.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.wall: defaultdict[str, float] = defaultdict(float)
        self.cpu: defaultdict[str, float] = defaultdict(float)
        self._main = threading.main_thread().ident
        self._over = threading.Event()

    def run(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        while not self._over.wait(PERIOD_S):
            part = part_of(sys._current_frames().get(self._main))
            now, used = time.perf_counter(), time.process_time()
            self.wall[part] += now - wall
            self.cpu[part] += used - cpu
            wall, cpu = now, used

    def stop(self) -> None:
        self._over.set()
        self.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="where the seconds go, as JSON")
    options, arguments = parser.parse_known_args()
    sys.path.pop(0)  # This folder: its modules are none of the program's.
    clock = Clock()
    clock.start()
    from pab_bench.cli import main as run

    status = run(arguments)
    clock.stop()
    options.output.write_text(json.dumps({"wall": dict(clock.wall), "cpu": dict(clock.cpu)}))
    return status


if __name__ == "__main__":
    sys.exit(main())
