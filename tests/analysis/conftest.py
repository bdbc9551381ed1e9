from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

# The test folder is no package: as one it would hide the package `analysis` that it tests. So the
# root has to be found first, and the helpers beside this file by their own name.
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import synthetic
from made_builds import Built, contents_of

from analysis.build import build
from analysis.data import SweepData
from analysis.figures import catalog
from analysis.load import load_sweep
from analysis.points import Sweep


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made store, from which each test takes its own copy."""
    return synthetic.write_store(tmp_path_factory.mktemp("made") / "results")


@pytest.fixture
def directory(_written: Path, tmp_path: Path) -> Path:
    root = tmp_path / "results"
    shutil.copytree(_written.parents[1], root)
    return root / _written.relative_to(_written.parents[1])


@pytest.fixture
def sweep(directory: Path) -> Sweep:
    return load_sweep(directory)


@pytest.fixture
def data(sweep: Sweep) -> SweepData:
    return SweepData(sweep)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """All that a run makes on screen, once for all tests: eleven figures take seconds.

    Tests leave its folder as it is: what was in it is in `contents`.
    """
    directory = synthetic.write_store(tmp_path_factory.mktemp("built") / "results")
    result = build(directory)
    return Built(result, directory, contents_of(directory))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only three figures, of which one cannot be made, where a test is not about all of them."""
    real = catalog.drawings

    def some(data: SweepData) -> list[catalog.Drawing]:
        wanted = ("speed", "block_map", "generation")
        return [drawing for drawing in real(data) if drawing.name in wanted]

    monkeypatch.setattr(catalog, "drawings", some)
