"""A plan and all that follows from it is data: configuration and prices need no torch."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["kinds", "plan", "prefix", "cache_course", "cache_options"])
def test_no_torch(name):
    code = f"import sys, pab_bench.engine.{name}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "False"
