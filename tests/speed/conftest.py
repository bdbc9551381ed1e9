import pytest
import torch
from experiment.conftest import settings_of  # noqa: F401 (A fixture.)
from speed.toy_scene import ToyScene


@pytest.fixture
def toy():
    return ToyScene()


@pytest.fixture
def timed_settings(settings_of):  # noqa: F811 (The fixture.)
    """As `settings_of`, with calls timed, if not exactly."""

    def make(*overrides):
        return settings_of("speed.calls=true", "speed.precision=0.9", *overrides)

    return make


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
