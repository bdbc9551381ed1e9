"""A process does not grow from point to point."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "memory_over_points.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_hundred_points_take_no_more_memory_than_one_hundred():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--points", "200"], capture_output=True, text=True, check=True
    )
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["points"] == 200
    assert report["kb_per_point"] < 50
    assert report["objects_per_point"] < 20
