"""The golden clip and its values, shared by the metric tests."""

import json
from pathlib import Path

import numpy as np
import pytest

FIXTURE = Path(__file__).parents[1] / "fixtures" / "metrics"


@pytest.fixture(scope="session")
def fixture_folder():
    return FIXTURE


@pytest.fixture(scope="session")
def arrays():
    with np.load(FIXTURE / "bunny_128x128.npz", allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture(scope="session")
def golden():
    goldens = json.loads((FIXTURE / "metrics.json").read_text("utf-8"))
    return goldens["clips"]["bunny_128x128"]


@pytest.fixture
def random_videos():
    """Two unrelated videos whose sides differ, so that a swap of axes shows."""
    generator = np.random.default_rng(7)
    return generator.integers(0, 256, (2, 3, 37, 45, 3), dtype=np.uint8)
