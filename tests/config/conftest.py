from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from pab_bench.config import hydra_setup
from pab_bench.config.paths import CONF
from pab_bench.config.resolve import resolve
from pab_bench.config.settings import Settings

DOCUMENT = """\
spatial_skip: True
spatial_threshold: [100, 800]
spatial_gap: 2
spatial_block: [0, 28]

temporal_skip: True
temporal_threshold: [100, 800]
temporal_gap: 4

cross_skip: True
cross_threshold: [80, 900]
cross_gap: 7
"""
"""The example of the PAB document, unchanged."""


@pytest.fixture
def hydra_ready() -> Iterator[None]:
    GlobalHydra.instance().clear()
    hydra_setup.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield


@pytest.fixture
def settings_of(hydra_ready: None) -> Callable[..., Settings]:
    """Compose with Hydra and resolve, as a job does."""

    def make(*overrides: str) -> Settings:
        OverridesParser.create().parse_overrides(list(overrides))
        return resolve(compose("config", list(overrides)), overrides)

    return make


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "document.yaml"
    path.write_text(DOCUMENT)
    return path
