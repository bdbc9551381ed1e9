"""Before any test module imports diffusers or lpips: torchvision must be importable.

A worker of `-n` computes with its share of the cores: more threads than cores are slow.

Property tests draw the same examples in every run, so that what passed once passes again;
`--hypothesis-profile=search` draws new ones.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    # torch reads it when it is imported; processes that a test starts inherit it.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

import pab_bench.imports.torchvision  # noqa: F401
from pab_bench.config.composing import composed_once

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def composed_once_for_all_tests() -> Iterator[None]:
    """Lets all tests share what Hydra made of the same files and groups, as jobs of a command do.

    `config/test_composing.py` shows that nothing else comes out. A test that changes a
    configuration file after it was read needs another folder for the second one.
    """
    with composed_once():
        yield
