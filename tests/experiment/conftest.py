import pytest

from pab_bench.cli import main

COMMON = [
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "steps=10",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the real command line on the embedded mini, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments):
        return main([*arguments, *COMMON])

    return command
