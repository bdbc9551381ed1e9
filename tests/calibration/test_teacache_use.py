"""TeaCache with a calibration: its polynomial, its range, and what is done outside of it."""

import json
import logging

import pytest
from calibration.made import TIMESTEPS, written
from calibration.test_file import SAME, found

from pab_bench.files import write_sealed_json
from pab_bench.methods.base import Facts
from pab_bench.methods.estimate import Polynomial, Within
from pab_bench.methods.teacache import PUBLISHED, TeaCache
from pab_bench.problems import InvalidSettings

FIT = {"coefficients": [2.0, 0.0, 1.0], "range": [0.1, 0.3]}
EVEN = Polynomial((2.0, 0.0, 1.0))


@pytest.fixture
def file(tmp_path):
    return written(tmp_path / "own.json", "teacache", **FIT)


def test_the_polynomial_is_that_of_the_file(file):
    own = TeaCache(calibration=file)
    assert own.polynomial == (2.0, 0.0, 1.0)
    assert own.fitted == (0.1, 0.3)
    assert found(own, SAME) == ([], [])
    said = own.settings()
    assert said["coefficients"] == FIT["coefficients"]
    assert said["range"] == FIT["range"]
    digest = json.loads(file.read_text())["sha256"]
    assert said["calibration"] == f"latte_mini-teacache-4-{digest[:16]}"
    again = TeaCache.of_settings(
        {key: tuple(v) if isinstance(v, list) else v for key, v in said.items()}
    )
    assert again.settings() == said


def test_out_of_the_range_it_warns_or_clamps(caplog):
    with caplog.at_level(logging.WARNING):
        inside = Within(EVEN, (0.1, 0.3), clamps=False)
        assert [inside(0.1), inside(0.3)] == pytest.approx([1.02, 1.18])
        assert caplog.messages == []
        assert [inside(0.5), inside(0.05)] == pytest.approx([1.5, 1.005])
        (message,) = caplog.messages  # Once in a video.
        assert "a change of the input of 0.5 lies outside of 0.1 to 0.3" in message
        assert message.endswith("and is evaluated nevertheless")
        clamped = Within(EVEN, (0.1, 0.3), clamps=True)
        assert [clamped(0.5), clamped(0.05), clamped(0.2)] == pytest.approx([1.18, 1.02, 1.08])
        assert caplog.messages[1].endswith("and is taken for its nearest end")


def test_every_video_is_warned_of_by_itself(file):
    stack = (((),),)
    make = TeaCache(calibration=file).policy(Facts(TIMESTEPS, 4, 1, (), stack=stack))
    assert make()._estimate is not make()._estimate


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"coefficients": (1.0, 0.0)}, "method.calibration=.*: says the same as method.coeff"),
        ({"range": (0.1, 0.2)}, "method.range=.*: is what method.calibration says"),
    ],
)
def test_it_is_said_once(file, keys, message):
    with pytest.raises(InvalidSettings, match=message):
        TeaCache(calibration=file, **keys)


@pytest.mark.parametrize("own", [(0.2,), (0.3, 0.1), (-0.1, 0.1), (0.1, float("nan"))])
def test_what_is_no_range_is_refused(own):
    with pytest.raises(InvalidSettings, match=r"method\.range=.*must be two finite numbers"):
        TeaCache(coefficients=(1.0, 0.0), range=own)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        ({"coefficients": [1.0]}, "has no polynomial"),
        ({"coefficients": [1.0, "x"]}, "has no polynomial"),
        ({"coefficients": [1.0, 0.0]}, "does not say where its polynomial was fitted"),
        ({"coefficients": [1.0, 0.0], "range": [2, 1]}, "does not say where its polynomial"),
    ],
)
def test_a_file_without_a_polynomial_is_refused(tmp_path, fit, message):
    file = written(tmp_path / "own.json", "teacache", **fit)
    with pytest.raises(InvalidSettings, match=message):
        TeaCache(calibration=file)


def test_clamping_needs_a_range(file):
    (problem,), _ = found(TeaCache(coefficients=(1.0, 0.0), outside="clamp"), SAME)
    assert problem.startswith("method.outside=clamp: needs a range: method.range=[LOW,HIGH]")
    assert found(TeaCache(coefficients=(1.0, 0.0), range=(0, 1), outside="clamp"), SAME)[0] == []
    assert found(TeaCache(calibration=file, outside="clamp"), SAME) == ([], [])


def test_other_timesteps_are_refused_when_they_are_known(file):
    own = TeaCache(calibration=file)
    assert own.plan(Facts(TIMESTEPS, 4, 1, ())) is None
    with pytest.raises(InvalidSettings, match="of 4 calls at other timesteps"):
        own.plan(Facts((900, 600, 300, 1), 4, 1, ()))


def test_a_model_without_either_is_told_what_to_do():
    about = SAME.__class__(**{**vars(SAME), "system": "cogvideox", "model": "mine"})
    (problem,), _ = found(TeaCache(), about)
    assert "nothing was published for cogvideox" in problem
    assert "task=calibrate method=teacache model=mine steps=4 guidance=4" in problem


def test_what_was_published_is_taken_for_the_released_model():
    about = SAME.__class__(**{**vars(SAME), "model": "latte", "steps": 50})
    method = TeaCache().filled(about)
    assert method.polynomial == PUBLISHED["latte", 50]["coefficients"]
    assert method.label is None


def test_an_edit_is_refused(file):
    said = json.loads(file.read_text())
    said["fit"]["coefficients"][0] = 3.0
    file.write_text(json.dumps(said))
    with pytest.raises(InvalidSettings, match="it is not what was written"):
        TeaCache(calibration=file)
    del said["sha256"]
    write_sealed_json(file, said)
    assert TeaCache(calibration=file).polynomial[0] == 3.0
