"""What is composed once is what Hydra composes anew for every job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from pab_bench.config import composing, hydra_setup
from pab_bench.config.composing import composed_once
from pab_bench.config.paths import CONF

LINES = (
    ["spatial_gap=2"],
    ["spatial_gap=4", "hydra.sweep.dir=elsewhere"],
    ["preset=pab236", "spatial_gap=4", "without=cross"],
    ["preset=pab347", "preset=pab236", "prompts.texts=[a,b]"],
    ["model=latte", "hydra/job_logging=none"],
    ["spatial_gap=2"],
)


@pytest.fixture(autouse=True)
def hydra_composes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does where no test has asked for anything else."""
    own = "_parse_overrides_and_create_caching_repo", "_compose_config_from_defaults_list"
    for name, function in zip(own, (composing._open, composing._merge), strict=True):
        monkeypatch.setattr(ConfigLoaderImpl, name, function)
    monkeypatch.setattr(config_loader_impl, "create_defaults_list", composing._list)


@pytest.fixture
def loader() -> ConfigLoaderImpl:
    hydra_setup.register()
    setup_globals()
    JobRuntime.instance().set("name", "pab_bench")
    return new_loader(CONF)


def new_loader(folder: Path) -> ConfigLoaderImpl:
    path = ConfigSearchPathImpl()
    path.append("hydra", "pkg://hydra.conf")
    path.append("main", str(folder))
    path.append("schema", "structured://")
    return ConfigLoaderImpl(path)


def composed(loader: ConfigLoaderImpl, lines: list[str], mode: RunMode = RunMode.RUN) -> DictConfig:
    return loader.load_configuration("config", list(lines), mode)


def shown(cfg: DictConfig) -> str:
    return OmegaConf.to_yaml(cfg, resolve=False)


@pytest.mark.parametrize(("mode", "some"), [(RunMode.RUN, LINES), (RunMode.MULTIRUN, LINES[1:3])])
def test_it_is_what_hydra_composes(
    loader: ConfigLoaderImpl, mode: RunMode, some: Sequence[list[str]]
) -> None:
    own = [shown(composed(loader, lines, mode)) for lines in some]
    assert len(set(own)) == len(set(map(tuple, some)))
    with composed_once():
        assert [shown(composed(loader, lines, mode)) for lines in some] == own


def test_schema_and_flags_stay(loader: ConfigLoaderImpl) -> None:
    with composed_once():
        for lines in (["spatial_gap=2"], ["spatial_gap=3"]):
            cfg = composed(loader, lines)
            assert OmegaConf.is_struct(cfg)
            with pytest.raises(Exception, match="could not be converted to Integer"):
                cfg.spatial_gap = "many"
            with pytest.raises(HydraException, match="spacial_gap"):
                composed(loader, ["spacial_gap=2"])


def test_nobody_changes_the_configuration_of_another(loader: ConfigLoaderImpl) -> None:
    with composed_once():
        first = composed(loader, ["spatial_gap=2"])
        before = shown(first)
        first.model.steps = 3
        first.hydra.sweep.dir = "lost"
        assert shown(composed(loader, ["spatial_gap=2"])) == before


def test_files_are_read_once(loader: ConfigLoaderImpl, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ConfigRepository.load_config
    read: list[str] = []

    def counted(self: Any, config_path: str) -> Any:
        read.append(config_path)
        return own(self, config_path)

    monkeypatch.setattr(ConfigRepository, "load_config", counted)
    with composed_once():
        composed(loader, ["spatial_gap=1,2"], RunMode.MULTIRUN)
        assert read
        read.clear()
        for gap in range(1, 5):
            composed(loader, [f"spatial_gap={gap}"])
        assert read == []
        composed(loader, ["preset=pab236"])
        assert "preset/pab236" in read


def test_wrong_groups_are_refused_again_and_again(loader: ConfigLoaderImpl) -> None:
    def message() -> str:
        with pytest.raises(HydraException) as error:
            composed(loader, ["preset=pab000"])
        return str(error.value)

    expected = message()
    assert "preset/pab000" in expected
    with composed_once():
        assert message() == expected
        composed(loader, ["preset=pab236"])
        assert message() == expected


def test_a_group_that_is_chosen_by_every_point(loader: ConfigLoaderImpl, tmp_path: Path) -> None:
    del loader
    (tmp_path / "kind").mkdir()
    (tmp_path / "config.yaml").write_text("defaults:\n  - kind: ???\n  - _self_\na: 1\n")
    for name in ("one", "two"):
        (tmp_path / "kind" / f"{name}.yaml").write_text(f"name: {name}\n")
    chosen = new_loader(tmp_path)
    with composed_once():
        assert "kind" not in composed(chosen, ["kind=one,two"], RunMode.MULTIRUN)
        assert composed(chosen, ["kind=one"]).kind.name == "one"
        assert composed(chosen, ["kind=two"]).kind.name == "two"
        with pytest.raises(HydraException, match="You must specify 'kind'"):
            composed(chosen, [])


def test_within_another_the_outer_one_knows(
    loader: ConfigLoaderImpl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with composed_once():
        before = shown(composed(loader, ["preset=pab236"]))
        monkeypatch.delattr(ConfigRepository, "load_config")
        with composed_once():
            assert shown(composed(new_loader(CONF), ["preset=pab236"])) == before
        assert shown(composed(loader, ["preset=pab236"])) == before


def test_folders_are_told_apart(loader: ConfigLoaderImpl, tmp_path: Path) -> None:
    del loader
    with composed_once():
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "config.yaml").write_text(f"name: {name}\n")
            assert composed(new_loader(tmp_path / name), []).name == name
        assert composed(new_loader(tmp_path / "one"), []).name == "one"


def test_what_cannot_be_merged_is_refused_again(loader: ConfigLoaderImpl, tmp_path: Path) -> None:
    del loader
    (tmp_path / "config.yaml").write_text(
        "defaults:\n  - pab_bench_schema\n  - _self_\nspatial_gap: many\n"
    )
    with composed_once():
        for _ in range(2):
            with pytest.raises(HydraException, match="could not be converted to Integer"):
                composed(new_loader(tmp_path), [])


def test_hydra_is_left_as_it_was() -> None:
    def parts() -> list[Any]:
        names = "_parse_overrides_and_create_caching_repo", "_compose_config_from_defaults_list"
        own: list[Any] = [getattr(ConfigLoaderImpl, name) for name in names]
        return [*own, vars(config_loader_impl)["create_defaults_list"]]

    before = parts()
    within: list[Any] = []

    def fails() -> None:
        with composed_once():
            within.extend(parts())
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert not set(within) & set(before)
    assert parts() == before
