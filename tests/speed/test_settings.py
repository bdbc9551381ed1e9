"""How speedups are measured is set as everything else, and makes no other point."""

from __future__ import annotations

import pytest
from config.conftest import hydra_ready  # noqa: F401 (A fixture.)
from hydra import compose as by_hydra

from pab_bench.config.compose import compose
from pab_bench.config.resolve import resolve
from pab_bench.config.sections import SpeedSettings
from pab_bench.experiment.identity import settings_identity
from pab_bench.problems import InvalidSettings


@pytest.mark.parametrize(
    ("key", "value", "explanation"),
    [
        *(
            ("precision", value, "must be a number between 0 and 1")
            for value in (0.0, 1.0, -0.1, float("nan"), float("inf"))
        ),
        *(
            ("budget_s", value, r"must be a finite number of at least 0 \(seconds\)")
            for value in (-1.0, float("nan"), float("inf"))
        ),
        *(("turns", value, r"must be 0 \(never\) or at least 2") for value in (1, -1, -2)),
    ],
)
def test_what_cannot_be_meant_is_refused(key, value, explanation):
    with pytest.raises(InvalidSettings, match=f"speed.{key}=.*{explanation}"):
        SpeedSettings(**{key: value})


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(InvalidSettings) as told:
        SpeedSettings(precision=2, budget_s=-1, turns=1)
    assert [str(problem).partition("=")[0] for problem in told.value.problems] == [
        "speed.precision",
        "speed.budget_s",
        "speed.turns",
    ]


@pytest.mark.parametrize("given", [{"precision": 0.5}, {"budget_s": 0}, {"turns": 0}, {"turns": 2}])
def test_what_can_be_meant_is_not(given):
    assert {name: getattr(SpeedSettings(**given), name) for name in given} == given


def test_ways_to_measure():
    plain = compose()
    once, none, latency = (compose(measure=name) for name in ("once", "none", "latency"))
    assert once.speed == plain.speed == SpeedSettings(True, 0.01, 60.0, 0)
    assert none.speed == SpeedSettings(calls=False)
    assert plain.measure == once.measure == none.measure
    assert latency.speed == SpeedSettings(turns=5)
    assert (latency.measure.repeats, latency.measure.warmups) == (5, 1)
    assert (latency.measure.replay, latency.measure.parts) == (False, True)
    # A key of an option stands against it.
    assert compose(**{"measure": "latency", "speed.turns": 2}).speed.turns == 2


def test_how_speedups_are_measured_makes_no_other_point():
    """The same videos come out."""
    changed = compose(**{"speed.calls": False, "speed.precision": 0.1, "speed.budget_s": 5})
    for other in (changed, compose(measure="none"), compose(**{"speed.turns": 3})):
        assert settings_identity(other) == settings_identity(compose())


@pytest.mark.parametrize("name", ["none", "latency"])
def test_hydra_reads_the_same(hydra_ready, name):  # noqa: F811 (The fixture.)
    lines = [f"measure={name}"]
    theirs, ours = resolve(by_hydra("config", lines), lines), compose(measure=name)
    assert (theirs.speed, theirs.measure) == (ours.speed, ours.measure)
