"""What users write by mistake, and what they are told before anything is sampled."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pab_bench.cli import main
from pab_bench.config.section import section
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.problems import Problems


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("metrics.names=[psnr,psnr]", "metrics.names=[psnr,psnr]: has the same value more than on"),
        ("metrics.weights=/not/here", "metrics.weights=/not/here: is not a folder"),
        ("results_dir=", "results_dir=: must be a folder"),
        ("name=points", "name=points: is a folder of the results themselves (points, tapes"),
        ("name=tapes", "name=tapes: is a folder of the results themselves"),
        (f"name={'n' * 300}", "name=nnnnnnnnnnnnnnnnnnnn...: must have at most 100 characters"),
        ("model.name=../../x", "model.name=../../x: must be a folder's name"),
        ("objectives=[[a]]", "objectives=[[a]]: must be a list of texts"),
        ("hydra.launcher=3", "hydra.launcher=3: choose one by hydra/launcher=NAME"),
        ("hydra.job.chdir=true", "hydra.job.chdir=true: paths are those of the folder"),
        ("hydra.sweep.subdir=gap", "hydra.sweep.subdir=gap: the folders of jobs are their numbers"),
        ("model.schedule=ddim_trailing", "model.schedule=ddim_trailing: must be ddim_leading, the"),
        ("hydra.sweeper=foo", "hydra.sweeper=foo: choose one by hydra/sweeper=NAME"),
    ],
)
def test_settings(override: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task=plan", override]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["0", "nan", "-1"])
def test_a_scale_that_is_none(scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task=plan", "model=open_sora_mini", f"model.transform_scale={scale}"]) == 2
    assert "model.transform_scale=" in capsys.readouterr().err


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no key; remove pab_file"),
        ("# only a comment\n", "has no key; remove pab_file"),
        ("spatial_gap: ${nothere}\n", "spatial_gap=${nothere}: must be a whole number"),
        ("spatial_gap: ${spatial_gap}\n", "spatial_gap=${spatial_gap}: must be a whole number"),
        ("spatial_gap: ${oc.env:NOT_SET}\n", "must be a whole number"),
        (BOMB, "is not valid YAML: more than 20 aliases"),
        ("[" * 1500, "pab_file="),
        ("a: " + "x" * 200_000, "is larger than 100000 bytes"),
    ],
    ids=["empty", "comment", "unknown", "itself", "environment", "bomb", "deep", "long"],
)
def test_a_pab_file(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pab.yaml").write_text(content)
    began = time.perf_counter()
    assert main(["task=plan", f"pab_file={tmp_path / 'pab.yaml'}"]) == 2
    assert time.perf_counter() - began < 10
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert len(shown) < 2000


def test_an_alias_of_a_list_is_no_bomb(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    path = tmp_path / "pab.yaml"
    path.write_text("spatial_threshold: &w [100, 700]\nspatial_gap: 2\ntemporal_threshold: *w\n")
    rules = settings_of(f"pab_file={path}").method.rules
    assert rules.temporal.threshold == (100, 700)


def prompts_of(tmp_path: Path, content: bytes, settings_of: Callable[..., Settings]) -> list[str]:
    (tmp_path / "prompts.txt").write_bytes(content)
    return list(settings_of(f"prompts.file={tmp_path / 'prompts.txt'}").prompts)


def test_marks_and_line_ends_of_other_systems(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    content = b"\xef\xbb\xbfa red circle\r\na blue square\n\n  a star \r"
    expected = ["a red circle", "a blue square", "a star"]
    assert prompts_of(tmp_path, content, settings_of) == expected


def test_only_line_ends_part_prompts(tmp_path: Path, settings_of: Callable[..., Settings]) -> None:
    content = "a red\x0ccircle\u2028moves\na star\n".encode()
    assert prompts_of(tmp_path, content, settings_of) == ["a red\x0ccircle\u2028moves", "a star"]


def test_a_long_prompt_that_is_repeated_is_shown_in_short(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    line = b"x" * 10**6
    with pytest.raises(ConfigError) as caught:
        prompts_of(tmp_path, b"a\n" + line + b"\n" + line + b"\n", settings_of)
    assert "line 3 repeats line 2: xxx" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("nothere.module:Nothere", "cannot be loaded: No module named 'nothere'"),
        ("os:nothere", "cannot be loaded: module 'os' has no attribute 'nothere'"),
        ("builtins:dict", "is no sampler, since it has no timesteps, encode"),
    ],
)
def test_a_sampler_that_is_none(
    system: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results_dir={tmp_path}"
    assert main([f"model.system={system}", "steps=4", "threshold=[1,999]", where]) != 0
    shown = capsys.readouterr().err
    assert f"model.system={system}: {message}" in shown
    assert "Traceback" not in shown


def test_plan_says_what_videos_a_point_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task=plan", f"prompts.texts=[{'x' * 50},b,c,d,e]", "seeds=[0,2]"]) == 0
    shown = capsys.readouterr().out
    expected = "videos of a point: 10 (prompts: 5, seeds: 0, 2): '" + "x" * 40 + "...', 'b', 'c', "
    assert expected in shown
    assert "'d' and 1 more" in shown


@dataclass(frozen=True)
class Within:
    number: int

    def __post_init__(self) -> None:
        problems = Problems("outer.within")
        problems.at_least("number", self.number, 1)
        problems.raise_if_any()


@dataclass(frozen=True)
class Outer:
    within: Within


def test_a_section_without_a_default_that_is_wrong_is_told_once() -> None:
    problems = Problems()
    assert section(Outer, {"within": {"number": 0}}, problems) is None
    expected = "outer.within.number=0: must be a whole number of at least 1"
    assert [str(problem) for problem in problems.found] == [expected]
    assert section(Outer, {"within": {"number": 2}}, Problems()) == Outer(Within(2))
