from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The test folder is no package: as one it would hide the package `analysis` that it tests. So the
# root has to be found first, and the helpers beside this file by their own name.
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import synthetic

from analysis.data import SweepData
from analysis.load import load_sweep
from analysis.points import Sweep


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return synthetic.write_store(tmp_path / "results")


@pytest.fixture
def sweep(directory: Path) -> Sweep:
    return load_sweep(directory)


@pytest.fixture
def data(sweep: Sweep) -> SweepData:
    return SweepData(sweep)
