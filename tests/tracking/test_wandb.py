"""Weights & Biases offline, without account or network: what was written is read back."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict

import pandas as pd
import pytest

pytest.importorskip("wandb")

import made_timings
import tracked_points as points
import wandb
from offline_runs import runs_in

from pab_bench.cli import main
from pab_bench.config.sections import TrackingSettings
from pab_bench.store.points import Store
from pab_bench.timings.store import FOLDER
from pab_bench.tracking.wandb import track, track_sweep
from pab_bench.tracking.wandb_content import intervals_of, summary_of

PROMPT = "prompts.texts=[a large red circle moves right slowly over a black background]"
SETTINGS = TrackingSettings("wandb", "pab_bench", None, "offline")


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A variant that was tracked twice for one sweep, then for another."""
    results = tmp_path_factory.mktemp("results")
    _, variant = points.store(results)
    folder = Store(results).folder(variant.id)
    for group in ("gap/one", "gap/one", "gap/two"):
        track(variant, folder, group, SETTINGS, results / "wandb")
    return runs_in(results / "wandb")


def test_a_point_is_sent_with_its_baseline_and_never_twice(sent):
    assert [(run.run.run_id, run.run.job_type) for run in sent] == [
        ("base", "baseline"),
        ("variant", "variant"),
        ("base", "baseline"),  # The second sweep adds itself and repeats no history.
        ("variant", "variant"),
    ]
    assert {run.run.run_group for run in sent} == {"gap/one"}
    assert not sent[2].history
    assert sent[3].config["sweeps"] == ["gap/one", "gap/two"]
    assert sent[1].exit_code == 0


def test_numbers_with_intervals_and_the_baseline(sent):
    summary = sent[1].summary
    assert summary["psnr_db"] == 31.5
    assert summary["psnr_db/low"] < 31.5 < summary["psnr_db/high"]
    assert summary["psnr_db/videos"] == 2
    assert summary["peak_cache_bytes"] == 1000
    assert summary["reuse_share/spatial"] == 0.5
    assert summary["replayed_share"] == 0.25
    assert summary["baseline_run"] == "pab_bench/base"
    assert sent[1].config["baseline_id"] == "base"
    assert "psnr_db" not in sent[0].summary  # Missing, not 0.


def test_speeds_are_those_of_timed_calls(sent):
    baseline, variant = (run.summary for run in sent[:2])
    assert variant["speedup"] == pytest.approx(1.5)
    assert variant["speedup/low"] < variant["speedup"] < variant["speedup/high"]
    assert variant["bound"] == pytest.approx(1 / (1 - 0.8 * 0.5))
    assert variant["efficiency"] == pytest.approx(1.5 * 0.6)
    assert (
        variant["videos_speedup/low"] < variant["videos_speedup"] < variant["videos_speedup/high"]
    )
    assert variant["denoise_s"] == pytest.approx(4.0)
    assert variant["baseline_denoise_s"] == pytest.approx(6.0)
    assert baseline["denoise_s"] == pytest.approx(6.0)
    assert "speedup" not in baseline  # To itself.
    assert "speed_fault" not in variant
    # Times of separate samplings are not compared.
    assert (variant["sampled_denoise_s"], baseline["sampled_denoise_s"]) == (2.0, 3.0)


def test_what_was_not_timed_is_left_out_and_what_cannot_be_true_is_said(tmp_path):
    _, variant = points.store(tmp_path)
    folder = Store(tmp_path).folder(variant.id)
    nothing = intervals_of(variant, tmp_path)
    made_timings.write_timings(
        tmp_path,
        [asdict(Store(tmp_path).load("base")), asdict(variant)],
        {"base": 6.0, "variant": 2.0},
        parts={"spatial": 0.8},
    )
    summary = summary_of(variant, folder, nothing)
    assert summary["speedup/low"] > summary["bound"]
    assert summary["speed_fault"] == "above its bound by time"
    shutil.rmtree(tmp_path / FOLDER)
    summary = summary_of(variant, folder, nothing)
    assert not {"speedup", "speedup/low", "bound", "efficiency", "denoise_s"} & summary.keys()
    assert summary["sampled_denoise_s"] == 2.0


def test_steps_curves_and_media(sent):
    baseline, variant = sent[:2]
    rows = [row for row in baseline.history if "step_seconds" in row]
    assert [row["denoising_step"] for row in rows] == list(range(points.STEPS))
    assert rows[0]["step_replayed"] == 1.0
    assert "attention_difference/spatial" not in rows[0]  # The first step has no difference.
    assert rows[3]["attention_difference/spatial"] == pytest.approx(0.3)
    assert {"curves", "figures/attention_difference", "videos/000-0"} <= baseline.logged
    assert any("attention_difference_chart" in name for name in baseline.logged)
    assert {"metrics", "metric_intervals", "figures/schedule", "videos/001-0"} <= variant.logged
    files = {p.suffix for p in (variant.folder / "files" / "media").rglob("*") if p.is_file()}
    assert {".mp4", ".png", ".json"} <= files


def test_a_failed_point_is_a_failed_run(tmp_path):
    error = {"kind": "other", "type": "ValueError", "message": "no"}
    failed = Store(tmp_path).save(points.record("bad", None, "failed", error=error), None)
    track(failed, Store(tmp_path).folder("bad"), "g", SETTINGS, tmp_path / "wandb")
    (run,) = runs_in(tmp_path / "wandb")
    assert run.summary["error"] == "ValueError: no"
    assert run.exit_code == 1
    assert "failed" in run.run.tags


def test_an_outage_is_kept_offline(tmp_path, monkeypatch, caplog):
    real = wandb.init

    def no_network(*args, mode, **kwargs):
        if mode == "online":
            raise ConnectionError("no route to host")
        return real(*args, mode=mode, **kwargs)

    monkeypatch.setattr(wandb, "init", no_network)
    (tmp_path / "now").mkdir()
    rows = pd.DataFrame({"job": [0, 1], "status": ["ok", "failed"], "psnr_db": [30.0, None]})
    rows.to_parquet(tmp_path / "now" / "summary.parquet")
    online = TrackingSettings("wandb", "pab_bench", None, "online")
    with caplog.at_level(logging.WARNING):
        track_sweep(tmp_path / "now", online, tmp_path / "wandb")
    assert "no route to host; kept offline" in caplog.text
    (run,) = runs_in(tmp_path / "wandb")
    assert run.run.job_type == "sweep"
    assert run.summary["points"] == 2
    assert run.summary["failed"] == 1
    assert "summary" in run.logged


def test_an_outage_never_harms_a_point(tmp_path, monkeypatch, caplog):
    def nothing_works(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(wandb, "init", nothing_works)
    _, variant = points.store(tmp_path)
    folder = Store(tmp_path).folder(variant.id)
    with caplog.at_level(logging.WARNING):
        track(variant, folder, "g", SETTINGS, tmp_path / "wandb")
    assert "was not sent to Weights & Biases: no route to host" in caplog.text


def test_a_sweep_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [PROMPT, "steps=4", "spatial_gap=2", "spatial_threshold=[1,999]"]
    arguments += ["metrics.names=[psnr]", "record.curves=false", "speed.precision=0.5"]
    arguments += ["model.height=32", "model.width=32"]
    assert main(["tracking=wandb", *arguments]) == 0
    (job,) = (tmp_path / "results" / "single").iterdir()
    pointer = json.loads((job / "point.json").read_text())
    point = json.loads((job / pointer["store"] / pointer["id"] / "record.json").read_text())
    runs = {run.run.job_type: run for run in runs_in(tmp_path / "results" / "wandb")}
    assert set(runs) == {"baseline", "variant", "sweep"}
    variant = runs["variant"]
    assert variant.run.run_id == pointer["id"]
    assert variant.run.run_group == f"single/{job.name}"
    assert variant.config["steps"] == 4
    assert variant.config["baseline_id"] == point["baseline_id"] == runs["baseline"].run.run_id
    assert variant.summary["psnr_db"] == point["quality"]["psnr_db"]["value"]
    assert {"summary", "report", "figures/trade_off"} <= runs["sweep"].logged
    assert variant.summary["speedup"] > 0
