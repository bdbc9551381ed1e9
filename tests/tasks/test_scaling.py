"""The command `task=scaling`, as a user runs it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pab_bench.cli import main
from pab_bench.config import hydra_setup
from pab_bench.config.preflight import preflight
from pab_bench.config.rank_sections import ScalingSettings
from pab_bench.methods.base import plan_of
from pab_bench.problems import InvalidSettings
from pab_bench.speed.known import KnownSpeeds
from pab_bench.systems.registry import get_blueprint
from pab_bench.tasks.scaling_one_rank import one_rank

GIVEN = ["task=scaling", "model=latte_mini", "temporal_gap=2", "threshold=[0,1001]"]


@pytest.mark.slow
def test_a_given_time(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "numbers.json"
    more = ["scaling.seconds=10", "scaling.gain=1.25", "scaling.ranks=[1,2,16]", "name=own"]
    assert main([*GIVEN, *more, "scaling.link=20,350", f"json={path}"]) == 0
    (point,) = json.loads(path.read_text())["points"]
    folder = tmp_path / "results" / "predictions" / "own"
    assert json.loads((folder / "scaling.json").read_text())["points"] == [point]
    figures = {
        "predicted_speedup",
        "speedup_parts",
        "gain_by_bandwidth",
        "frames_or_tokens",
        "bytes_per_call",
    }
    assert {file.stem for file in folder.glob("*.png")} == figures
    assert point["one_rank"]["method_seconds"] == 8
    (dsp,) = [w for w in point["ways"] if (w["method"], w["split"]) == ("dsp", "frames")]
    first, second, last = dsp["rows"]
    assert first["speedup"] == pytest.approx(1.25)
    for row in (second, last):
        own = row["with_plan"]
        parts = ("serial", "computing", "padding", "exchanges", "gathering")
        assert own["total"] == pytest.approx(sum(own[part] for part in parts))
        assert row["speedup"] == pytest.approx(row["gain"] * row["scaling"])
        assert own["speedup_low"] <= own["speedup"] <= own["speedup_high"]
    # Six heads do not divide by 16.
    (ulysses,) = [w for w in point["ways"] if w["method"] == "ulysses"]
    assert "16 ranks do not divide" in ulysses["rows"][-1]["reason"]
    text = capsys.readouterr().out
    for assumption in point["assumptions"]:
        assert f"assumed: {assumption}" in text
    for said in ("10 s (given)", "20 µs", "350 GB/s", "no printed number", "beyond 8 ranks"):
        assert said in text


@pytest.mark.slow
def test_table_4_beside_the_prediction(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = ["task=scaling", "model=open_sora", "preset=pab246", "scaling.ranks=[8]"]
    seconds = ["scaling.seconds=97.51", "scaling.gain=1.368561", "scaling.latent_frames=60"]
    assert main([*model, *seconds]) == 0
    text = capsys.readouterr().out
    for printed, predicted in (("12.01 s", "13.28 s"), ("9.29 s", "9.66 s"), ("10.50 x", "10.1")):
        (line,) = [own for own in text.splitlines() if printed in own]
        assert predicted in line
    assert "another clip than the model's 51 frames" in text


def point_of(*arguments):
    """Settings and plan of a point of the command line."""
    hydra_setup.register()
    given = hydra_setup.argument_parser().parse_args([*GIVEN, *arguments])
    (point,) = preflight(given).points
    settings = point.settings
    blueprint = get_blueprint(settings.model, settings.dtype)
    return settings, plan_of(settings.method, blueprint, settings.steps, settings.guidance)


def test_the_gain_follows_from_operations_unless_it_is_given(tmp_path):
    settings, plan = point_of(
        "scaling.seconds=10", "scaling.serial=2", f"results_dir={tmp_path}", "device=cpu"
    )
    own = one_rank(settings, plan, lambda: 0.8, KnownSpeeds())
    assert own.method_seconds == pytest.approx(2 + 8 * 0.8)
    assert "operations of the transformer" in own.gain_from

    def never() -> float:
        raise AssertionError

    given = replace(settings, scaling=replace(settings.scaling, gain=1.25))
    own = one_rank(given, plan, never, KnownSpeeds())
    assert own.method_seconds == pytest.approx(8)
    assert own.gain == pytest.approx(1.25)
    too_much = replace(settings, scaling=replace(settings.scaling, gain=5))
    with pytest.raises(InvalidSettings, match=r"leaves nothing of 10 s beside scaling\.serial=2"):
        one_rank(too_much, plan, never, KnownSpeeds())


@pytest.mark.slow
def test_a_measured_time(tmp_path, monkeypatch, command):
    size = ["model=latte_mini", "temporal_gap=2"]
    assert command(*size) == 0
    path = tmp_path / "scaling.json"
    assert command("task=scaling", *size, "scaling.ranks=[1,2]", f"json={path}") == 0
    (point,) = json.loads(path.read_text())["points"]
    one = point["one_rank"]
    records = [json.loads(p.read_text()) for p in tmp_path.glob("results/points/*/record.json")]
    seconds = {r["is_baseline"]: r["timing"]["denoise_s"]["median"] for r in records}
    assert one["seconds"] == pytest.approx(seconds[True])
    assert one["method_seconds"] == pytest.approx(seconds[False])
    assert one["seconds_from"].startswith("denoising of stored point")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "scaling.seconds=null: "),
        (["scaling.shares=times", "scaling.seconds=3"], "scaling.shares=times: no calls"),
        (["scaling.latent_frames=9"], "scaling.latent_frames=9: needs scaling.seconds"),
        (["scaling.between=20,0"], "scaling.between=20,0: ALPHA must be"),
    ],
)
def test_what_cannot_be_meant(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*GIVEN, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("results/predictions/*"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seconds": 0.0}, "scaling.seconds=0.0: must be a finite number above 0, or null"),
        ({"seconds": float("nan")}, "scaling.seconds=nan: must be a finite number above 0"),
        ({"gain": -1.0}, "scaling.gain=-1.0: must be a finite number above 0"),
        ({"seconds": 3.0, "serial": 3.0}, "scaling.serial=3.0: must be below scaling.seconds=3"),
        ({"serial": -1.0}, "scaling.serial=-1.0: must be a finite number of at least 0"),
        ({"link": "nvlnk"}, "scaling.link=nvlnk: must be one of nvlink, pcie5, ndr, or ALPHA"),
        ({"ranks": ()}, "must have at least one number of ranks"),
        ({"ranks": (2, 2)}, "has the same value more than once"),
        ({"ranks": (4, 2)}, "scaling.ranks=[4,2]: must be in rising order"),
        ({"ranks": (12,)}, "must be at most scaling.per_node=8, or fill whole nodes"),
        ({"ranks": (0,)}, "scaling.ranks=0: must be a whole number from 1"),
        ({"per_node": 0}, "scaling.per_node=0: must be a whole number from 1"),
        ({"latent_frames": 0}, "scaling.latent_frames=0: must be a whole number"),
        ({"gather": "all"}, "scaling.gather=all: must be one of none, output, hidden"),
        ({"shares": "time"}, "scaling.shares=time: must be one of flops, times"),
    ],
)
def test_values_that_are_refused(values, message):
    with pytest.raises(InvalidSettings) as refused:
        ScalingSettings(**values)
    assert message in str(refused.value)
    assert len(refused.value.problems) == 1


@pytest.mark.slow
def test_a_model_that_cannot_be_split(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["task=scaling", "model=wan_mini", "scaling.seconds=3"]) == 2
    assert "model=wan_mini: its blocks do not attend" in capsys.readouterr().err
