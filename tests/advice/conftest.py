from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from pab_bench.config import hydra_setup
from pab_bench.config.paths import CONF
from pab_bench.config.resolve import resolve
from pab_bench.config.settings import Settings


@pytest.fixture
def settings_of(tmp_path: Path) -> Iterator[Callable[..., Settings]]:
    """Composes and resolves as the command line does."""
    GlobalHydra.instance().clear()
    hydra_setup.register()

    def make(*overrides: str) -> Settings:
        lines = [f"results_dir={tmp_path / 'results'}", *overrides]
        return resolve(compose("config", lines), lines)

    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield make
