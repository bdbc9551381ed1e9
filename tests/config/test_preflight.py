from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from omegaconf import DictConfig

from pab_bench.config import hydra_setup
from pab_bench.config.hydra_setup import Composer
from pab_bench.config.overrides import OverrideChecker
from pab_bench.config.preflight import preflight
from pab_bench.errors import ConfigError


def problems_of(*arguments: str) -> list[str]:
    hydra_setup.register()
    try:
        preflight(hydra_setup.argument_parser().parse_args(arguments))
    except ConfigError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["preset=pab236", "model=latte", "prompts=pab_demo"],
        ["-m", "preset=pab236,pab469,none", "seeds=[0],[0,1]"],
        ["-m", "preset=glob(pab*)"],
        ["-m", "spatial_threshold=[100,800],[450,930]", "spatial_gap=range(1,4)"],
        ["-m", "model=latte_mini,latte", "spatial_block=null,[0,3]"],
        ["-m", "prompts.texts=['a, b'],[c]"],
        ["+sweeps=gap_grid"],
        ["+sweeps=gap_grid", "spatial_gap=2", "hydra.sweeper.max_batch_size=1"],
        ["++spatial_gap=2", "guidance=${model.guidance}"],
    ],
    ids=" ".join,
)
def test_good_commands_pass(arguments: list[str]) -> None:
    assert problems_of(*arguments) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spatial_gpa=2"], "spatial_gpa=2: there is no key 'spatial_gpa'. Did you mean"),
        (["+spatial_gpa=2"], "+spatial_gpa=2: there is no key 'spatial_gpa'. Did you mean"),
        (["++foo=1"], "++foo=1: there is no key 'foo'."),
        (["sweep=gap_grid"], "sweep=gap_grid: there is no key 'sweep'. Did you mean 'sweeps'?"),
        (["sweeps=gap_grid"], "sweeps=gap_grid: write +sweeps=gap_grid"),
        (["+preset=pab236"], "+preset=pab236: write preset=pab236"),
        (["+spatial_gap=2"], "+spatial_gap=2: the key exists already: write spatial_gap=2"),
        (["tracking=null"], "tracking=null: must be one of none, wandb."),
        (["model.fraems=2"], "model.fraems=2: there is no key 'fraems' in model (name, "),
        (["steps=x"], "steps=x: must be a whole number or null"),
        (["record=3"], "record=3: must be a mapping with curves, videos"),
        (["spatial_skip=maybe"], "spatial_skip=maybe: must be true or false"),
        (["spatial_skip=2"], "spatial_skip=2: must be true or false"),
        (["~seeds"], "~seeds: a setting cannot be removed; null = its default"),
        (["nonsense"], "nonsense: cannot be read: missing EQUAL"),
        (["spatial_gap=1,2"], "spatial_gap=1,2: several values are a grid: add -m"),
        (["hydra.job.nme=x"], "hydra.job.nme=x: Could not override 'hydra.job.nme'."),
    ],
)
def test_bad_commands_are_explained(arguments: list[str], message: str) -> None:
    found = problems_of(*arguments)
    assert [line[: len(message)] for line in found] == [message]


@pytest.mark.parametrize(
    ("argument", "option"),
    [
        ("+sweeps=gap_gird", "gap_grid"),
        ("preset=pab_236", "pab236"),
        ("model=late", "latte"),
        ("prompts=demo", "pab_demo"),
        ("metrics=non", "none"),
    ],
)
def test_an_option_that_there_is_not_is_answered_with_all_and_the_nearest(
    argument: str, option: str
) -> None:
    (found,) = problems_of(argument)
    start, _, suggestion = found.partition(" Did you mean ")
    assert start.startswith(f"{argument.lstrip('+')}: must be one of ")
    assert option in start.partition("one of ")[2].rstrip(".").split(", ")
    assert suggestion == f"{option!r}?"


@pytest.mark.parametrize(
    ("choice", "extra"),
    [
        ("hydra/launcher=joblib", "joblib"),
        ("hydra/launcher=submitit_slurm", "submitit"),
        ("hydra/sweeper=optuna", "optuna"),
    ],
)
def test_a_plugin_that_is_not_installed_is_named_with_its_extra(
    choice: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = OverrideChecker.options

    def without_plugins(self: OverrideChecker, group: str) -> list[str]:
        return ["basic"] if group.startswith("hydra/") else options(self, group)

    monkeypatch.setattr(OverrideChecker, "options", without_plugins)
    (found,) = problems_of("-m", choice, "spatial_gap=2")
    assert found == f"{choice}: needs: pip install 'pab_bench[{extra}]'"


def test_every_bad_override_is_reported() -> None:
    found = problems_of("spatial_gap=0", "dtpe=float32", "steps=x", "preset=pab23", "seeds=[1,1]")
    assert {line.split("=")[0] for line in found} == {
        "spatial_gap", "dtpe", "steps", "preset", "seeds",
    }  # fmt: skip


def test_a_bad_value_late_in_a_grid_is_found_and_located() -> None:
    (found,) = problems_of("-m", "spatial_gap=1,2,0", "temporal_gap=2,3")
    assert found.endswith("(in 2 of 6 grid points, first: spatial_gap=0 temporal_gap=2)")


def test_a_combination_that_is_bad_is_found() -> None:
    (found,) = problems_of("-m", "model=latte_mini,latte", "spatial_block=[0,5],[7,9]")
    assert found.startswith("spatial_block=[7,9]: begins beyond the model's last block, which is 5")
    assert "in 1 of 4 grid points" in found


def test_values_in_a_sweep_file_are_checked(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n"
        "      spatial_gap: 1,0\n      temporal_gpa: 1,2\n"
    )
    found = problems_of("--config-dir", str(tmp_path), "+sweeps=mine")
    assert [line.split(":")[0] for line in found] == ["temporal_gpa=1,2", "spatial_gap=0"]


def test_large_grids_are_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Composer.compose
    composed: list[Sequence[str]] = []

    def counted(self: Composer, lines: Sequence[str]) -> DictConfig:
        composed.append(lines)
        return own(self, lines)

    monkeypatch.setattr(Composer, "compose", counted)
    found = problems_of("-m", "spatial_gap=range(1,6)", "temporal_gap=range(1,6)",
                        "cross_gap=range(0,4)")  # fmt: skip
    assert len(found) == 1
    assert "in 25 of 100 grid points" in found[0]
    assert len(composed) == 2  # What all points begin with, and what they have in common.


def test_a_file_that_is_no_yaml_is_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text("steps: 4\nsteps: 5\n")
    (problem,) = problems_of("--config-dir", str(tmp_path), "+sweeps=mine")
    assert "mine.yaml, line 2: cannot be read: found duplicate key steps" in str(problem)
