"""Every command that the pages show is one that its program takes; nothing is run."""

from __future__ import annotations

import argparse
import re
import runpy
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pages.commands import commands, taken_apart
from pages.overrides import check_overrides
from pages.stand_ins import lay_out, stood_in
from site_pages.places import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


class Parsed(BaseException):
    """A program has taken its arguments, and is stopped before it does anything."""


def test_blocks_are_taken_apart_as_bash_does():
    block = "a 'b c' \\\n  d # remark\n\nx {1,2}/y && z\n"
    assert list(taken_apart(block)) == [("a", "b c", "d"), ("x", "1/y", "2/y"), ("z",)]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_every_command_is_one_that_its_program_takes(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", then_stop())
    refused = []
    for command in commands(shown):
        try:
            take(stood_in(command.words))
        except (Exception, SystemExit) as error:
            refused.append(f"{command.page}: {command}: {error}")
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize(
    "line",
    [
        "python -m pab_bench spatial_gap=0",
        "python -m pab_bench --no-such-option",
        "python -m pab_bench spatial_gpa=2",
        "python -m pab_bench -m spatial_gap=1,x",
        "python -m pab_bench -m preset=pab236,pab237",
        "python -m pab_bench +sweeps=no_such_sweep",
        "python -m pab_bench hydra/launcher=no_such_launcher",
        "python -m pab_bench.compare REFERENCE_DIR",
        "python -m pab_bench.no_such_module",
        "python tests/benchmarks/no_such_file.py",
        "python -m pytest tests/no_such_folder",
        "pip install '.[no_such_extra]'",
        "no_such_program",
    ],
)
def test_a_wrong_command_is_noticed(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", then_stop())
    ((*words,),) = taken_apart(line)
    with pytest.raises((Exception, SystemExit)):
        take(words)


def then_stop() -> Callable[..., argparse.Namespace]:
    """`parse_args` that ends the program when it is done."""
    original = argparse.ArgumentParser.parse_args

    def parse_args(self, args=None, namespace=None):
        original(self, args, namespace)
        raise Parsed

    return parse_args


def take(words: Sequence[str]) -> None:
    """Let a command's program read its arguments."""
    program, *rest = words
    name = Path(program).name
    if name == "pip":
        for extra in re.findall(r"\[(\w+)\]", " ".join(rest)):
            assert extra in EXTRAS, f"no extra {extra}"
        assert rest[0] == "install"
    elif name == "torchrun":
        from torch.distributed.run import get_args_parser

        options, _ = get_args_parser().parse_known_args(rest)
        take(["python", "-m", options.training_script, *options.training_script_args])
    elif re.fullmatch(r"python3?", name) and rest[0] == "-m":
        take_module(rest[1], rest[2:])
    elif re.fullmatch(r"python3?", name):
        stopped(
            str(ROOT / rest[0]), rest[1:], lambda: runpy.run_path(sys.argv[0], None, "__main__")
        )
    else:
        raise LookupError(f"no program {program}")


def take_module(module: str, arguments: Sequence[str]) -> None:
    if module == "pab_bench":
        if "--help" not in arguments:
            check_overrides(arguments)
    elif module == "pytest":
        for path in [a for a in arguments if "/" in a]:
            assert (ROOT / path).exists(), f"no {path}"
    elif module != "venv":
        stopped(module, arguments, lambda: runpy.run_module(module, None, "__main__"))


def stopped(program: str, arguments: Sequence[str], run: Callable[[], object]) -> None:
    """Run a program until it has read its arguments."""
    before = sys.argv
    sys.argv = [program, *arguments]
    try:
        run()
    except Parsed:
        return
    finally:
        sys.argv = before
    raise AssertionError("it reads no arguments")
