"""From the command line to a calibration that is used, on tiny videos of the embedded minis."""

import json

import pytest

from pab_bench.cli import main
from pab_bench.files.sealed import read_sealed_json, write_sealed_json
from pab_bench.methods.calibration_file import read_calibration

SMALL = [
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "steps=6",
    "metrics=none",
    "record.curves=false",
    "record.videos=false",
]
ONE, TWO, THREE = (
    f"a large {colour} circle moves right slowly over a black background"
    for colour in ("red", "green", "blue")
)


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def typed(*arguments, prompts=(ONE, TWO)):
        return main([*arguments, f"prompts.texts=[{','.join(prompts)}]", *SMALL])

    return typed


@pytest.fixture
def calibrate(command, tmp_path):
    def done(method, *arguments):
        lines = [f"method={method}", "calibrate.hold_out=1", "calibrate.degree=2"]
        assert command("task=calibrate", *lines, *arguments, "json=own.json") == 0
        return tmp_path / "own.json"

    return done


def points(tmp_path):
    return list((tmp_path / "results" / "points").glob("*/record.json"))


@pytest.mark.slow
def test_ratios_are_measured_and_used_and_refused_elsewhere(calibrate, command, tmp_path, capsys):
    file = calibrate("magcache")
    said = read_sealed_json(file)
    own = read_calibration(file, "magcache")
    assert own.prompts == (ONE, TWO)
    assert (own.model, own.steps, own.calls, own.guidance) == ("latte_mini", 6, 6, 4.0)
    (ratios,) = said["fit"]["ratios"]
    assert ratios[0] == 1
    assert ratios == pytest.approx(said["samples"][0]["ratios"], rel=1e-6)
    assert said["samples"][1]["prompt"] == 1
    assert said["quality"]["held_out"]["points"] == 5
    (folder,) = (tmp_path / "results" / "calibrations").glob("latte_mini-magcache-*")
    assert read_sealed_json(folder / "calibration.json") == said
    assert (folder / "calibration.png").stat().st_size > 1000
    page = (folder / "calibration.md").read_text()
    assert "1 prompts fitted, 1 held out" in page
    assert "no ratios were published for latte and 6 calls" in page

    use = ["method=magcache", f"method.calibration={file}", "method.retention=0"]
    for lines, prompts, message in (
        ([], (ONE, THREE), "1 of the prompts that are to be measured ('a large red circle"),
        ([], (TWO,), "1 of the prompts that are to be measured ('a large green circle"),
        (["guidance=5"], (THREE,), "of guidance=4.0, not guidance=5.0"),
        (["model=latte_mini_random"], (THREE,), "of model=latte_mini, not model=latte_mini_random"),
    ):
        capsys.readouterr()
        assert command(*use, *lines, prompts=prompts) == 2
        assert message in capsys.readouterr().err
    said["model"]["weights"] = "cc" * 32
    write_sealed_json(tmp_path / "other.json", said)
    lines = ["method=magcache", f"method.calibration={tmp_path / 'other.json'}"]
    assert command(*lines, prompts=(THREE,)) == 2
    assert "is a calibration of weights with the digest cccccccccccccccc" in capsys.readouterr().err
    assert points(tmp_path) == []

    assert command(*use, prompts=(THREE,)) == 0
    records = [json.loads(p.read_text()) for p in points(tmp_path)]
    (record,) = (own for own in records if not own["is_baseline"])
    assert record["config"]["method"]["calibration"] == own.name
    assert record["config"]["method"]["ratios"] == ratios


@pytest.mark.slow
@pytest.mark.parametrize("model", ["latte_mini", "open_sora_mini", "wan_mini"])
def test_a_polynomial_is_measured_and_used(calibrate, command, tmp_path, model):
    file = calibrate("teacache", f"model={model}")
    said = read_sealed_json(file)
    assert len(said["fit"]["coefficients"]) == 3
    assert said["sampling"]["lanes"] == (2 if model == "wan_mini" else 1)
    low, high = said["fit"]["range"]
    fitted = [own for own in said["samples"] if own["prompt"] == 0]
    inputs = [value for own in fitted for value in own["inputs"] if value is not None]
    assert (min(inputs), max(inputs)) == pytest.approx((low, high), rel=1e-5)
    assert (said["published"]["missing"] is None) == (model != "wan_mini")
    lines = [f"model={model}", "method=teacache", f"method.calibration={file}"]
    assert command(*lines, "method.outside=clamp", prompts=(THREE,)) == 0
    records = [json.loads(p.read_text()) for p in points(tmp_path)]
    (record,) = (own for own in records if not own["is_baseline"])
    assert record["config"]["method"]["range"] == [low, high]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["method=fora"], "method=fora: has no constants that are measured; magcache and teacache"),
        (
            ["method=magcache", "calibrate.hold_out=2"],
            "calibrate.hold_out=2: of 2 prompts at least one is fitted; allowed are 0 to 1",
        ),
        (
            ["method=teacache", "calibrate.hold_out=1", "calibrate.degree=5"],
            "calibrate.degree=5: 6 steps of 1 fitted videos give 5 changes, and 6 are needed; "
            "allowed are 1 to 4, or more steps or prompts",
        ),
        (["method=teacache", "calibrate.degree=0"], "must be a whole number from 1 to 9"),
        (["method=teacache", "calibrate.output=x"], "calibrate.output=x"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(command, tmp_path, capsys, lines, message):
    assert command("task=calibrate", *lines) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
