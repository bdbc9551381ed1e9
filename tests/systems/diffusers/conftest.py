"""The tiny pipelines, each made and saved once."""

from __future__ import annotations

from functools import cache

import pytest
from systems.diffusers.driven import NAMES, drive, save


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """By name the folder of a tiny pipeline."""

    return cache(lambda name: save(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="session", params=NAMES)
def driven(request, saved):
    """Every tiny pipeline in turn."""
    return drive(request.param, saved(request.param))


@pytest.fixture(scope="session")
def wan(saved):
    """The one that calls its transformer twice a step."""
    return drive("wan", saved("wan"))


@pytest.fixture(scope="session")
def wan_2_2(saved):
    """The one with two transformers, two calls a step each."""
    return drive("wan_2_2", saved("wan_2_2"))
