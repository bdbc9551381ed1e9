import copy

import pytest

from pab_bench.archive.reading import open_archive
from pab_bench.archive.staging import stage
from pab_bench.config.compose import compose
from pab_bench.experiment.point import make_point
from pab_bench.pack.command import main as pack

SMALL = {
    "steps": 4,
    "threads": 1,
    "device": "cpu",
    "metrics": ["psnr"],
    "prompts": ["a large red circle moves right slowly over a black background"],
    "threshold": [1, 999],
    "model": {"height": 32, "width": 32},
    "tape": {"disk_gb": 0},
    "speed": {"calls": False},
}


@pytest.fixture(scope="session")
def made_here(tmp_path_factory):
    """An archive of a baseline and a variant that were sampled by this process' machine."""
    folder = tmp_path_factory.mktemp("made")
    settings = compose(
        spatial_gap=2,
        record={"videos": False},
        results_dir=str(folder / "results"),
        **SMALL,
    )
    assert make_point(settings, folder / "run").record.status == "ok"
    path = folder / "here.pab.tar"
    assert pack([str(folder / "results"), "--videos", "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def _staged(made_here, tmp_path_factory):
    return list(stage(open_archive(made_here), tmp_path_factory.mktemp("staged")).records.values())


@pytest.fixture
def records(_staged):
    """The records of that archive, which a test may change."""
    return copy.deepcopy(_staged)
