import sys
from pathlib import Path

import pytest
from door.systems_at_hand import SYSTEMS

# Beside the tests of the analysis, which are no package.
sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
import synthetic


@pytest.fixture(scope="session", params=SYSTEMS)
def system(request):
    return SYSTEMS[request.param]()


@pytest.fixture(scope="session")
def latte():
    return SYSTEMS["latte"]()


@pytest.fixture(scope="session")
def sweep_folder(tmp_path_factory):
    """A finished sweep of four jobs, of which the last failed."""
    return synthetic.write_store(tmp_path_factory.mktemp("results"))
