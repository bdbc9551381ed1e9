import shutil

import pytest
from archive.building import FIXTURE

from pab_bench.pack.command import main as pack


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """A results folder with three points that an earlier version made."""
    folder = tmp_path_factory.mktemp("packed") / "results"
    shutil.copytree(FIXTURE / "points", folder / "points")
    return folder


@pytest.fixture(scope="session")
def archive(results):
    """The points without their videos."""
    path = results.parent / "points.pab.tar"
    assert pack([str(results), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="session")
def with_videos(results):
    """The points with their videos."""
    path = results.parent / "videos.pab.tar"
    assert pack([str(results), "--videos", "-o", str(path)]) == 0
    return path
