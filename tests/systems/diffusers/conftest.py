"""The tiny pipelines, each made and saved once."""

from __future__ import annotations

from functools import cache

import pytest
from systems.diffusers.driven import KNOWN, NAMES, drive, save
from systems.diffusers.tiny_cosmos import guarded

SLOW = ("wan_2_2", "skyreels", "hunyuan15", "cosmos25")
"""As models with names: another one of the same system is tried always."""
NAMED = [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
    for name, known in KNOWN.items()
    if known.system
]


@pytest.fixture(scope="session", autouse=True)
def guardrail():
    """Cosmos is sampled without models that look for what is unsafe."""
    with guarded():
        yield


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """By name the folder of a tiny pipeline."""

    return cache(lambda name: save(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="session", params=NAMES)
def driven(request, saved):
    """Every tiny pipeline in turn."""
    return drive(request.param, saved(request.param))


@pytest.fixture(scope="session", params=NAMED)
def named(request, saved):
    """Every tiny pipeline of a model with a name, as that model."""
    return drive(request.param, saved(request.param), system=KNOWN[request.param].system)


@pytest.fixture(scope="session")
def found(named, saved):
    """The same, its sites found by rule."""
    return drive(named.name, saved(named.name))


@pytest.fixture(scope="session")
def wan(saved):
    """The one that calls its transformer twice a step."""
    return drive("wan", saved("wan"))


@pytest.fixture(scope="session")
def wan_2_2(saved):
    """The one with two transformers, two calls a step each."""
    return drive("wan_2_2", saved("wan_2_2"))
