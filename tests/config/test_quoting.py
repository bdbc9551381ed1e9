"""What Hydra's grammar does not take is refused with the piece of the command line that works."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from pab_bench.config import hydra_setup
from pab_bench.config.hydra_setup import argument_parser
from pab_bench.config.preflight import preflight
from pab_bench.config.quoting import LONGEST_SHOWN, argument, texts_meant
from pab_bench.problems import InvalidSettings

PARSER = OverridesParser.create()
SPECIAL = st.text("\\\"'${}[]()=,:~#!%@ +-*\t1e.ntrue猫é", min_size=1, max_size=12)
PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
TEXTS = SPECIAL | PRINTABLE


def read_back(piece: str) -> Any:
    """What a key gets from a piece of a command line: through the shell, Hydra and OmegaConf."""
    (line,) = shlex.split(piece)
    override = PARSER.parse_override(line)
    assert not override.is_sweep_override()
    configuration = OmegaConf.create({"key": None})
    OmegaConf.update(configuration, "key", override.value(), merge=True)
    return OmegaConf.to_container(configuration, resolve=True)["key"]  # type: ignore[call-overload, index]


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_any_text_comes_back_from_its_piece(texts: list[str]) -> None:
    assert read_back(argument("prompts.texts", texts)) == texts
    assert read_back(argument("prompts.file", texts[0])) == texts[0]


def problem_of(*lines: str) -> str:
    hydra_setup.register()
    with pytest.raises(InvalidSettings) as caught:
        preflight(argument_parser().parse_args(list(lines)))
    (problem,) = caught.value.problems
    return str(problem)


def pieces(message: str, key: str) -> list[str]:
    """The advised pieces in a message: everything that a shell would read as one word."""
    word = rf"'{re.escape(key)}=(?:[^']|'\"'\"')*'"
    return re.findall(rf"(?:quote [a-z ]*text: |, or as one text: )({word})", message)


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("prompts.texts", "[一只猫,a dog]", ["一只猫", "a dog"]),
        ("prompts.texts", "[it's raining]", ["it's raining"]),
        ("prompts.texts", "[café]", ["café"]),
        ("prompts.texts", '[say "hi" now]', ['say "hi" now']),
        ("prompts.texts", "[a cat; a dog]", ["a cat; a dog"]),
        ("prompts.texts", "[a (big cat]", ["a (big cat"]),
        ("prompts.texts", "[{a cat]", ["{a cat"]),
        ("prompts.texts", "[#1 cat]", ["#1 cat"]),
        ("prompts.texts", "[a cat!]", ["a cat!"]),
        ("prompts.texts", "[a <b> & c]", ["a <b> & c"]),
        ("prompts.texts", "[~a cat]", ["~a cat"]),
        ("prompts.file", "~/prompts.txt", "~/prompts.txt"),
        ("prompts.file", "my,prompts.txt", "my,prompts.txt"),
        ("prompts.file", "my prompts (1).txt", "my prompts (1).txt"),
        ("prompts.file", "C:\\Users\\é\\p.txt", "C:\\Users\\é\\p.txt"),
        ("results_dir", "~/results", "~/results"),
    ],
)
def test_the_advice_of_a_refusal_works(key: str, value: str, meant: Sequence[str] | str) -> None:
    message = problem_of(f"{key}={value}")
    found = pieces(message, key)
    assert found, message
    assert read_back(found[0]) == meant


def test_a_text_with_commas_may_be_one_or_several() -> None:
    message = problem_of("prompts.texts=[it's raining, it pours]")
    several, one = pieces(message, "prompts.texts")
    assert read_back(several) == ["it's raining", "it pours"]
    assert read_back(one) == ["it's raining, it pours"]


@given(TEXTS)
def test_texts_in_quotes_of_their_own_keep_their_commas(text: str) -> None:
    clean = text.replace('"', "").strip() or "x"
    assert texts_meant(f'["{clean}", a dog]') == [clean, "a dog"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("spatial_gap=2;", "spatial_gap=2;: cannot be read: "),
        ("spatial_gap=2;", "must be a whole number"),
        ("promts.texts=[it's]", "there is no key 'promts'. Did you mean 'prompts'?"),
        ("spatial_gap=1,2", "spatial_gap=1,2: several values are a grid: add -m to the command"),
        ("prompts.texts=a cat", "must be a list of texts; quote every text: 'prompts.texts="),
    ],
)
def test_other_keys_are_told_what_they_take(line: str, message: str) -> None:
    assert message in problem_of(line)


def test_a_number_is_not_to_be_quoted() -> None:
    assert "quote" not in problem_of("spatial_gap=1,2")


@pytest.mark.parametrize(
    "line",
    [
        f"prompts.texts=[{'x' * 10**6}]",
        f"prompts.texts=[{','.join('ab' * 10_000)}]",
        f"prompts.texts=[é{'x' * 20_000}]",
    ],
    ids=["megabyte", "values", "unreadable"],
)
def test_long_overrides_are_refused_shortly(line: str) -> None:
    problem_of("spatial_gap=0.5")  # What is made once.
    began = time.process_time()
    message = problem_of(line)
    assert time.process_time() - began < 5
    assert len(message) < 3 * LONGEST_SHOWN
