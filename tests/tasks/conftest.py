import pytest
from experiment.conftest import (  # noqa: F401 (Fixtures.)
    run,
    settings_of,
    start,
    without_analysis,
    without_figures,
)

from pab_bench.cli import main

TINY = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "steps=6",
    "threshold=[100,700]",
    "metrics=none",
    "record.curves=false",
]


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs the real command line on tiny videos, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def typed(*arguments):
        return main([*arguments, *TINY])

    return typed
