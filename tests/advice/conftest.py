from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from pab_bench.config.compose import compose
from pab_bench.config.settings import Settings


@pytest.fixture
def settings_of(tmp_path: Path) -> Callable[..., Settings]:
    """Composes and resolves what a command line says, in less time than Hydra takes to."""

    def make(*overrides: str) -> Settings:
        return compose(results_dir=str(tmp_path / "results"), **keys_of(overrides))

    return make


def keys_of(overrides: Sequence[str]) -> dict[str, object]:
    """What arguments of the command line set."""
    found = {
        o.key_or_group: o.value() for o in OverridesParser.create().parse_overrides(list(overrides))
    }
    return {k: v.text if isinstance(v, QuotedString) else v for k, v in found.items()}
