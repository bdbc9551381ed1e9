"""Every benchmark starts: nobody runs them between two releases."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
PROGRAMS = [path for path in SCRIPTS if "__main__" in path.read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_starts(path):
    done = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_no_benchmark_hides_a_package():
    """A script's own folder is looked through first."""
    assert not {path.stem for path in SCRIPTS} & {"analysis", "pab_bench", "torch"}


def test_start_and_slope_of_the_harness(monkeypatch):
    """Of 8 s + 0.5 s per point, beside imports of 2 s, in runs of which the first is disturbed."""
    monkeypatch.syspath_prepend(str(FOLDER))
    from harness import Spent, start_and_slope

    def runs(points):
        seconds = {"compose": 1 + 0.4 * points, "figures": 7 + 0.1 * points, "imports": 2.0}
        quiet = Spent(seconds, {part: value / 2 for part, value in seconds.items()})
        busy = {part: 3 * value for part, value in seconds.items()}
        return [Spent(busy, busy), quiet]

    found = start_and_slope(runs(1), runs(6), 6)
    assert found["fixed_seconds"] == pytest.approx(10)
    assert found["seconds_per_point"] == pytest.approx(0.5)
    assert found["fixed_cpu_seconds"] == pytest.approx(5)
    assert found["cpu_seconds_per_point"] == pytest.approx(0.25)
    assert found["parts"]["compose"] == {"fixed": 0.5, "per_point": 0.2}
    assert list(found["parts"]) == ["figures", "imports", "compose"]


def test_the_part_that_a_stack_is_in(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    from parts import REST, part_of

    def look():
        return part_of(sys._getframe())

    def function_of(file):
        space = {}
        exec(compile("def call(inner):\n    return inner()\n", file, "exec"), space)
        return space["call"]

    stacks = {
        "mp4": ["/x/pab_bench/tasks/run.py", "/x/pab_bench/store/mp4.py", "/y/av/container.py"],
        "write": ["/x/pab_bench/tasks/run.py", "/x/pab_bench/store/points.py"],
        REST: ["/x/pab_bench/tasks/run.py"],
    }
    for name, files in stacks.items():
        call = look
        for file in reversed(files):
            call = partial(function_of(file), call)
        assert call() == name
