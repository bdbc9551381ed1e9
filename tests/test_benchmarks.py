"""Every benchmark starts: nobody runs them between two releases."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "benchmarks").glob("*.py"))
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
