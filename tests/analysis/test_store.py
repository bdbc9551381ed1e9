"""A whole store as one sweep, random-weight controls, and intervals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import synthetic

from analysis.build import build
from analysis.control import control_of, controls_in
from analysis.data import SweepData
from analysis.figures import catalog
from analysis.intervals import definition, intervals_frame
from analysis.load import load_sweep

CONTROL = "c" * 16


def write_control(store: Path, **changes: object) -> None:
    """A finished baseline with random weights, otherwise as the synthetic one."""
    record = synthetic.record(1) | {"id": CONTROL}
    record["config"] |= {"model": {"name": "tiny_random", "random_weights": True}, **changes}
    synthetic.write_json(store / CONTROL / "record.json", record)
    curves = synthetic.curves()
    curves.assign(mse=0.001).to_parquet(store / CONTROL / "curves.parquet", index=False)


def with_model(store: Path) -> None:
    """Let the synthetic baseline name its model, as real records do."""
    record = synthetic.record(1)
    record["config"]["model"] = {"name": "tiny", "random_weights": False}
    synthetic.write_json(store / synthetic.BASELINE / "record.json", record)


def test_every_point_of_a_store_is_a_job(directory: Path) -> None:
    results = directory.parents[1]
    sweep = load_sweep(results)
    assert sweep.directory == results / "analysis"
    assert [job.point_id for job in sweep.jobs] == sorted(map(synthetic.point_id, synthetic.GAPS))
    assert all(job.baseline is not None for job in sweep.jobs)
    assert SweepData(sweep).summary["speedup"].tolist() == pytest.approx([1.25, 2.0, 1.0])


def test_a_store_is_built_beside_its_points(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "drawings", lambda data: [])
    results = directory.parents[1]
    synthetic.write_json(results / "points" / "broken" / "record.json", {"schema": 99})
    result = build(results)
    assert not result.failures
    assert (results / "analysis" / "report.html").is_file()
    frame = pd.read_csv(results / "analysis" / "summary.csv")
    assert list(frame["status"]) == ["ok", "ok", "ok", "unreadable"]


def test_the_control_of_a_baseline(directory: Path) -> None:
    store = directory.parents[1] / "points"
    with_model(store)
    write_control(store)
    (baseline,) = load_sweep(directory).baselines
    control = control_of(baseline, controls_in(store))
    assert control is not None
    assert control.id == CONTROL
    assert control_of(control, controls_in(store)) is None  # A control has none itself.


@pytest.mark.parametrize("change", [{"steps": 7}, {"prompts": ["other"]}])
def test_other_sampling_is_no_control(directory: Path, change: dict[str, object]) -> None:
    store = directory.parents[1] / "points"
    with_model(store)
    write_control(store, **change)
    (baseline,) = load_sweep(directory).baselines
    assert control_of(baseline, controls_in(store)) is None


def test_curves_are_shown_beside_their_control(directory: Path) -> None:
    store = directory.parents[1] / "points"
    with_model(store)
    write_control(store)
    data = SweepData(load_sweep(directory))
    control = data.control(data.sweep.baselines[0])
    assert control is not None
    assert (control["mse"] == 0.001).all()


def test_intervals(data: SweepData) -> None:
    frame = intervals_frame(data.videos)
    row = frame[(frame["job"] == 1) & (frame["metric"] == "ssim")].iloc[0]
    values = data.videos.query("job == 1 and metric == 'ssim'")["value"]
    assert row["mean"] == pytest.approx(values.mean())
    assert values.min() <= row["low"] < row["mean"] < row["high"] <= values.max()
    assert row["n"] == 4
    assert "only 2 prompts" in row["note"]
    assert "too narrow" in definition(frame)[0]


def test_a_single_video_has_no_interval(data: SweepData) -> None:
    single = data.videos.query("prompt == 0 and seed == 0")
    frame = intervals_frame(single)
    assert frame["low"].isna().all()
    assert definition(frame) == []


def test_values_that_are_not_finite_are_left_out(data: SweepData) -> None:
    rows = data.videos.copy()
    rows.loc[rows.index[0], "value"] = float("inf")
    place = rows.iloc[0]
    frame = intervals_frame(rows).set_index(["job", "metric"])
    assert frame["n"][place["job"], place["metric"]] == 3
