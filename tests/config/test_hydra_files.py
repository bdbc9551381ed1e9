"""Nothing of the machine stands in what Hydra writes down."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pab_bench.config.hydra_files import leave_out_places, without_places
from pab_bench.config.paths import ROOT


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and in it the folder that the command is typed in."""
    (tmp_path / "home" / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "home" / "project")
    return tmp_path


def test_paths_are_told_from_where_they_are_known(machine: Path) -> None:
    project = machine / "home" / "project"
    assert without_places(f"{project}/results/single") == "results/single"
    assert without_places(f"results_dir={project}") == "results_dir=."
    assert without_places(f"{machine}/home/prompts.txt") == "~/prompts.txt"
    assert without_places(f"{ROOT}/conf") == "pab_bench/conf"
    assert without_places(f"[{machine}/other/x.yaml]") == "[.../x.yaml]"


@pytest.mark.parametrize(
    "text", ["a dog and/or a cat", "1/2 of it", "/not-here/at all", "${now:%Y/%m}"]
)
def test_other_slashes_stay(text: str) -> None:
    assert without_places(text) == text


def test_a_file_is_the_same_but_for_places(machine: Path) -> None:
    folder = machine / "home" / "project" / "run"
    folder.mkdir()
    content = {"runtime": {"cwd": str(machine / "home" / "project"), "n": 3}, "dir": "${a}/x"}
    (folder / "hydra.yaml").write_text(yaml.safe_dump(content))
    leave_out_places(folder)
    told = {"runtime": {"cwd": ".", "n": 3}, "dir": "${a}/x"}
    assert yaml.safe_load((folder / "hydra.yaml").read_text()) == told


def test_texts_stay_what_they_are(machine: Path) -> None:
    folder = machine / "home" / "project" / "run"
    folder.mkdir()
    texts = ["a dog: 😀\n\n  two\tlines ", "yes", "1e3", "#", "ä" * 200, "- x", "''", " "]
    content = {"cwd": str(machine / "home"), "texts": texts, "none": None, "share": 1e-6}
    (folder / "hydra.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    leave_out_places(folder)
    told = (folder / "hydra.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(told) == content | {"cwd": "~"}
    assert list(yaml.safe_load(told)) == list(content)
