"""`threshold=auto` on a real mini: found once, and the same everywhere."""

import json

import pytest

from pab_bench.cli import main
from pab_bench.config.compose import compose
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity
from pab_bench.experiment.point import make_point
from pab_bench.store.points import Store
from pab_bench.tasks.flat_windows import with_windows

SMALL = {
    "prompts": ["a large red circle moves right slowly over a black background"],
    "model.height": 32,
    "model.width": 32,
    "steps": 14,
    "metrics": "none",
    "record.videos": False,
    "speed.calls": False,
    "threshold": "auto",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def settings(results):
    def make(**changes):
        given = {**SMALL, "results_dir": str(results), "spatial_gap": 2, **changes}
        return compose(model=given.pop("model", "latte_mini"), **given)

    return make


@pytest.fixture(scope="module")
def found(settings, results):
    """Of the first point, whose baseline is sampled for it."""
    own = with_windows(settings(), results / "run")
    assert len(list(Store(results).records())) == 1
    return own


def test_it_is_a_window_of_timesteps(found):
    low, high = found.method.rules.spatial.threshold
    assert 0 < low < high < 1000
    assert found.method.rules.temporal == compose(threshold="auto").method.rules.temporal


def test_identity_is_that_of_the_window(found, settings):
    window = list(found.method.rules.spatial.threshold)
    written = settings(spatial_threshold=window, threshold=None)
    assert settings_identity(found) == settings_identity(written)


def test_other_points_find_the_same(found, settings, results):
    """In the store, so that nothing is sampled; also those of more seeds, which have it first."""
    again = with_windows(settings(spatial_gap=3), None)
    assert again.method.rules.spatial.threshold == found.method.rules.spatial.threshold
    assert again.found_windows == found.found_windows
    listed = with_windows(settings(task="sample"), None)
    assert listed.found_windows == found.found_windows


def test_the_record_says_where_it_is_from(found, results):
    made = make_point(found, results / "run")
    about = made.record.plan["windows"]["spatial"]
    low, high = found.method.rules.spatial.threshold
    assert about["threshold"] == [low, high]
    assert about["found"]["said"] == "auto"
    assert about["found"]["baseline"] == made.record.baseline_id
    assert about["found"]["prompt"] == SMALL["prompts"][0]
    times = made.record.plan["timesteps"]
    inside = [step for step, time in enumerate(times) if low < time < high]
    assert [inside[0], inside[-1]] == [about["found"]["first_step"], about["found"]["last_step"]]
    assert about["steps_inside"] == len(inside)


def lines(results, **changes):
    given = {**SMALL, "results_dir": results, "spatial_gap": 2, **changes}
    given.pop("prompts")
    return [f"prompts.texts=[{SMALL['prompts'][0]}]", *(f"{k}={v}" for k, v in given.items())]


def test_a_plan_shows_it(found, results, tmp_path, capsys):
    path = tmp_path / "plan.json"
    assert main(["task=plan", f"json={path}", *lines(results)]) == 0
    low, high = found.method.rules.spatial.threshold
    shown = capsys.readouterr().out
    assert f"spatial_threshold=[{low},{high}]: " in shown
    assert "the flat part of baseline" in shown
    (point,) = json.loads(path.read_text())["points"]
    assert point["windows"]["spatial"]["threshold"] == [low, high]


@pytest.mark.parametrize("task", ["plan", "cost"])
def test_without_a_curve_nothing_is_guessed(tmp_path, capsys, task):
    assert main([f"task={task}", *lines(tmp_path)]) == 2
    assert "spatial_threshold=auto" in capsys.readouterr().err


@pytest.mark.slow
def test_random_weights_have_no_flat_part(settings, results):
    with pytest.raises(ConfigError, match=r"^spatial_threshold=auto: the .*curve, from .* steps"):
        with_windows(settings(model="latte_mini_random"), results / "run")


def test_others_are_left_as_they_are(settings):
    own = settings(threshold=[100, 800])
    assert with_windows(own, None) is own
    off = settings(spatial_gap=1)
    assert with_windows(off, None) is off
