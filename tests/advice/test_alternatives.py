"""Methods beside PAB: the setting that just meets the target, and who cannot be told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.points import Point
from pab_bench.advice.alternatives import Alternative, best_of, holds, ranked, search_alternative
from pab_bench.advice.markdown import _methods
from pab_bench.advice.target import Target
from pab_bench.config import hydra_setup
from pab_bench.config.preflight import preflight
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import advice_identity
from pab_bench.methods.base import Acceleration
from pab_bench.methods.registry import METHODS
from pab_bench.methods.search import Search

HARD = np.linspace(-0.02, 0.02, 12)


class _Record:
    """What is read of a record."""

    def __init__(self, lpips, ratio):
        self.id = f"{lpips}-{ratio}"
        quality = {"lpips": lpips, "psnr_db": 40 - 100 * lpips}
        self.quality = {name: {"value": value} for name, value in quality.items()}
        self.cost = {"flops_ratio": ratio}
        self.peak_cache_bytes = 0


@pytest.fixture
def make(tmp_path):
    def made(method, lpips, ratio, hard=HARD):
        folder = tmp_path / f"{method}{lpips}{ratio}"
        folder.mkdir()
        rows = [
            (prompt, 0, -1, metric, own)
            for prompt, apart in enumerate(hard)
            for metric, own in (
                ("lpips", lpips + apart),
                ("psnr_db", 40 - 100 * (lpips + apart)),
            )
        ]
        columns = ["prompt", "seed", "frame", "metric", "value"]
        pd.DataFrame(rows, columns=columns).to_parquet(folder / "metrics.parquet")
        return Alternative(method, f"{lpips}", _Record(lpips, ratio), Point(folder, {"id": "1"}))

    return made


@given(st.integers(1, 12), st.integers(-1, 12), st.booleans())
def test_halving_finds_where_the_target_is_just_met(count, last_good, by_speed):
    """Settings up to `last_good` keep the quality; those above are fast enough."""
    target = Target(speedup=2.0) if by_speed else Target({"lpips": 0.1})

    def sample(place):
        good = place <= last_good
        lpips, ratio = (0.05, 0.9) if good else (0.2, 0.45)
        record = _Record(lpips + 0.001 * place, ratio - 0.01 * place)
        return Alternative("m", str(place), record, None)

    tried = search_alternative(range(count), target, sample, 10)
    assert len(tried) <= count.bit_length()
    best = best_of(tried, target)
    wanted = last_good + 1 if by_speed else min(last_good, count - 1)
    if 0 <= wanted < count:
        assert best.setting == str(wanted)
    else:
        assert best is None
    assert len(search_alternative(range(count), target, sample, 1)) == 1


def test_the_cheapest_is_first_and_says_in_how_many_draws_its_quality_holds(make):
    target = Target({"lpips": 0.1})
    found = [make("sure", 0.05, 0.5), make("close", 0.0999, 0.3), make("pab", 0.04, 0.4)]
    rows = ranked(found, target)
    assert [row["method"] for row in rows] == ["close", "pab", "sure"]
    assert [row["holds"] for row in rows[1:]] == [1.0, 1.0]
    assert rows[0]["holds"] == pytest.approx(0.5, abs=0.05)
    assert rows[1]["told_apart"]
    assert rows[1]["difference"]["high"] < 0


def test_of_those_that_are_fast_enough_the_best_is_first_with_who_is_alike(make):
    noise = np.random.default_rng(0).normal(0, 0.01, 12)
    found = [make("worse", 0.3, 0.4), make("a", 0.1, 0.45), make("b", 0.101, 0.3, HARD + noise)]
    rows = ranked(found, Target(speedup=2.0))
    assert [(row["method"], row["told_apart"]) for row in rows] == [
        ("a", False), ("b", False), ("worse", True),
    ]  # fmt: skip
    assert rows[0]["holds"] is None
    page = "\n".join(_methods({"methods": {"ranked": rows, "not_met": ["c"], "in_words": "x"}}))
    assert "| a | 0.1 | 0.4500 | 0.10000 [" in page
    assert "No sampled setting of c meets the target." in page


def test_one_video_says_nothing_of_others(make):
    one = make("a", 0.05, 0.5, HARD[:1])
    assert holds(one, Target({"lpips": 0.1})) is None
    assert ranked([one], Target({"lpips": 0.1}))[0]["lpips"] == [None, None]


@pytest.mark.parametrize("name", list(METHODS))
def test_a_search_goes_from_mild_to_strong_settings_that_can_be(name):
    search = METHODS.load(name).search
    if search is None:
        return
    found = [getattr(method, search.key) for method in search.settings(METHODS.load(name), 50)]
    assert len(found) == len(set(found)) == len(search.values)
    assert sorted(found, reverse=search.of_steps) == found


def test_no_search_is_the_default():
    assert Acceleration.search is None
    assert METHODS.load("tgate").search is None
    shares = Search("steps", (0.5, 0.49, 0.2), of_steps=True)
    steps = [method.steps for method in shares.settings(METHODS.load("fewer_steps"), 20)]
    assert steps == [10, 4]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("[fora]", r"advise.methods=\[fora\]: must contain pab"),
        ("[pab,nothing]", "advise.methods=nothing: must be one of"),
        ("[pab,tgate]", "advise.methods=tgate: no single key makes it stronger; can be searched"),
        ("[pab,seacache]", "advise.methods=seacache: method=seacache: acts on the part of noise"),
        ("[pab,pab]", "more than once"),
    ],
)
def test_methods_that_cannot_be_searched(methods, message, settings_of):
    with pytest.raises(ConfigError, match=message):
        settings_of("task=advise", "advise.max_lpips=0.1", f"advise.methods={methods}")


def test_alternatives_are_filled_in_and_the_default_is_pab_alone():
    alone, several = grid(), grid("advise.methods=[pab,fora,fewer_steps]")
    assert alone.alternatives == ()
    assert "methods" not in advice_identity(alone, False)["advise"]
    assert [method.name for own in several.alternatives for method in own[:1]] == [
        "fora", "fewer_steps",
    ]  # fmt: skip
    assert [method.interval for method in several.alternatives[0]] == [2, 3, 4, 5, 6, 8, 10]
    assert advice_identity(several, False)["advise"]["methods"] == ("pab", "fora", "fewer_steps")


def grid(*arguments):
    hydra_setup.register()
    lines = ["task=advise", "advise.max_lpips=0.1", *arguments]
    (point,) = preflight(hydra_setup.argument_parser().parse_args(lines)).points
    return point.settings
