"""The command line for real: the embedded mini, few steps, from configuration to figures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from safetensors.numpy import load_file

from pab_bench.experiment import point

VIDEOS_ONLY = ("metrics=none", "record.curves=false")


def records(sweep):
    jobs = [json.loads(p.read_text()) for p in sorted(sweep.glob("*/point.json"))]
    return jobs, [
        json.loads((sweep / job["store"] / job["id"] / "record.json").read_text()) for job in jobs
    ]


def only_sweep():
    (sweep,) = Path("results/sweep").iterdir()
    return sweep


def test_the_sentence_that_every_user_types_first(run, capsys):
    assert run("-m", "spatial_gap=1,2,4") == 0
    sweep = only_sweep()
    jobs, points = records(sweep)
    assert [job["cached"] for job in jobs] == [False] * 3
    baseline_id = points[0]["baseline_id"]
    points_folder = Path("results/points")
    baseline = json.loads((points_folder / baseline_id / "record.json").read_text())

    # A gap of 1 goes through the attached engine and is bit-equal to the baseline.
    assert points[0]["id"] != baseline_id
    assert points[0]["inputs"] == baseline["inputs"]
    assert points[0]["quality"]["psnr_db"]["value"] == 100
    assert points[0]["quality"]["lpips"]["value"] == 0
    frames = [
        load_file(points_folder / i / "videos" / "000-0.safetensors")["frames"]
        for i in (baseline_id, points[0]["id"])
    ]
    assert np.array_equal(*frames)

    # Quality falls as the gap grows; what entered is the same.
    quality = [p["quality"]["psnr_db"]["value"] for p in points]
    assert quality[0] > quality[1] > quality[2]
    for variant in points[1:]:
        for ours, theirs in zip(variant["inputs"], baseline["inputs"], strict=True):
            assert ours["latents"] != theirs["latents"]
            assert {**ours, "latents": None} == {**theirs, "latents": None}
    shares = [p["plan"]["reuse_share"]["spatial"] for p in points]
    assert shares[0] == 0 < shares[1] < shares[2]
    # The ledger counts what the plan said: 6 blocks, 10 steps.
    for variant, share in zip(points, shares, strict=True):
        assert variant["ledger"]["spatial"]["reused"] == round(share * 60)

    # A baseline has no reference: missing with a reason, not zero.
    assert baseline["quality"]["psnr_db"]["value"] is None
    assert "baseline" in baseline["quality"]["psnr_db"]["reason"]
    assert baseline["quality"]["temporal_flickering"]["value"] > 0

    curves = pd.read_parquet(points_folder / baseline_id / "curves.parquet")
    assert set(curves["kind"]) == {"spatial", "temporal", "cross", "mlp"}
    assert set(curves["step"]) == set(range(1, 10))
    assert (curves["mse"] > 0).all()
    # 3 attention groups and 2 MLP groups of 6 blocks, 9 differences, 2 tensors.
    assert len(curves) == 5 * 6 * 9 * 2

    for name in ("summary.csv", "summary.parquet", "tables/summary.md", "tables/segments.md"):
        assert (sweep / name).stat().st_size > 0
    for name in ("attention_difference", "quality", "speed", "contact_sheet"):
        assert (sweep / "figures" / f"{name}.png").stat().st_size > 1000
    summary = pd.read_csv(sweep / "summary.csv")
    assert list(summary["spatial_gap"]) == [1, 2, 4]
    assert "S2" in capsys.readouterr().out


@pytest.mark.usefixtures("without_analysis")
def test_what_is_done_is_not_done_again(run):
    assert run("spatial_gap=2", *VIDEOS_ONLY) == 0
    before = {p: p.stat().st_mtime_ns for p in Path("results/points").rglob("*.json")}
    assert run("-m", "spatial_gap=2,3", *VIDEOS_ONLY) == 0
    jobs, _ = records(only_sweep())
    assert [job["cached"] for job in jobs] == [True, False]
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert run("spatial_gap=2", "fresh=true", *VIDEOS_ONLY) == 0
    assert all(p.stat().st_mtime_ns > t for p, t in before.items())


@pytest.mark.usefixtures("without_analysis")
def test_a_damaged_point_is_computed_again(run):
    assert run("spatial_gap=2", *VIDEOS_ONLY) == 0
    records_before = sorted(Path("results/points").glob("*/record.json"))
    assert len(records_before) == 2
    for path in records_before:
        path.write_text(path.read_text()[:100])
    assert run("spatial_gap=2", *VIDEOS_ONLY) == 0
    for path in records_before:
        assert json.loads(path.read_text())["status"] == "ok"


@pytest.mark.usefixtures("without_figures")
def test_a_point_that_fails_is_a_row_and_the_sweep_goes_on(run, monkeypatch):
    original = point.sample

    def breaks_at_gap_three(settings, plan, curves, tape_identity):
        result = original(settings, plan, curves, tape_identity)
        if settings.method.rules.spatial.gap == 3:
            result.inputs[0]["noise"] = "another"
        return result

    monkeypatch.setattr(point, "sample", breaks_at_gap_three)
    quick = ("metrics.names=[psnr]", "record.curves=false")
    assert run("-m", "spatial_gap=2,3,4", *quick) == 1
    jobs, points = records(only_sweep())
    assert [job["status"] for job in jobs] == ["ok", "failed", "ok"]
    assert points[1]["error"]["type"] == "InputsDiffer"
    assert "noise differ" in points[1]["error"]["message"]
    summary = pd.read_csv(only_sweep() / "summary.csv")
    assert list(summary["status"]) == ["ok", "failed", "ok"]
    assert summary["psnr_db"].isna().tolist() == [False, True, False]

    # Failed points are tried again, the others are there already.
    monkeypatch.setattr(point, "sample", original)
    assert run("-m", "spatial_gap=2,3,4", "name=again", *quick) == 0
    (again,) = Path("results/again").iterdir()
    assert [job["cached"] for job in records(again)[0]] == [True, False, True]


@pytest.mark.slow
def test_points_that_cannot_be_are_rows(run, capsys):
    assert run("-m", "method=fewer_steps,fora", "on_refused=row", "metrics=none") == 0
    captured = capsys.readouterr()
    assert "1 of 2 grid points cannot be, and are rows that say why" in captured.err
    assert "job 0, method=fewer_steps: method.steps=null" in captured.err
    assert "1 of 2 points cannot be" in captured.out
    summary = pd.read_csv(only_sweep() / "summary.csv")
    assert list(summary["status"]) == ["refused", "ok"]
    assert "method.steps=null" in summary["error"][0]
    report = (only_sweep() / "report.html").read_text()
    assert "method.steps=null" in report


@pytest.mark.usefixtures("without_analysis")
def test_on_error_raise_stops(run, monkeypatch):
    def fails(settings, plan, curves, tape_identity):
        raise RuntimeError("no memory left")

    monkeypatch.setattr(point, "sample", fails)
    assert run("-m", "spatial_gap=2,3", "on_error=raise") == 1
    jobs, _ = records(only_sweep())
    assert len(jobs) == 1
    assert "no memory left" in json.dumps(jobs[0]["error"])


@pytest.mark.usefixtures("without_analysis")
@pytest.mark.parametrize("preset", ["pab236", pytest.param("pab_document", marks=pytest.mark.slow)])
def test_presets_reuse_every_kind(run, preset):
    assert run(f"preset={preset}", *VIDEOS_ONLY) == 0
    (job,) = Path("results/single").iterdir()
    pointer = json.loads((job / "point.json").read_text())
    record = json.loads((job / pointer["store"] / pointer["id"] / "record.json").read_text())
    for kind in ("spatial", "temporal", "cross"):
        assert record["ledger"][kind]["reused"] > 0
    assert record["quality"] == {}


def test_released_weights_offline_name_what_is_missing(run, monkeypatch, tmp_path, capsys):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert run("model=latte", "device=cpu", "dtype=float32") == 1
    message = capsys.readouterr().err
    assert "maxin-cn/Latte-1" in message
    assert "text_encoder/*.safetensors" in message
    assert "model.path=DIR" in message
    assert not list(tmp_path.rglob("record.json"))


def test_a_device_that_is_not_here_is_refused(run, capsys):
    assert run("device=cuda:99") == 2
    assert "device=cuda:99: torch sees" in capsys.readouterr().err


@pytest.mark.usefixtures("without_analysis")
def test_a_job_is_composed_once(run, monkeypatch):
    own = ConfigLoaderImpl.load_sweep_config
    composed = []

    def counted(self, *arguments, **keywords):
        composed.append(keywords.get("sweep_overrides") or arguments[1])
        return own(self, *arguments, **keywords)

    def fails(settings, plan, curves, tape_identity):
        raise RuntimeError("nothing is sampled here")

    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", counted)
    monkeypatch.setattr(point, "sample", fails)
    assert run("-m", "spatial_gap=2,3", *VIDEOS_ONLY) == 1
    assert [overrides[0] for overrides in composed] == ["spatial_gap=2", "spatial_gap=3"]
