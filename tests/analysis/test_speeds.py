"""Speedups in tables, notes and figures, from made-up rounds of calls."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.axes import Axes

from analysis.build import notes
from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.speed import speed
from analysis.figures.trade_off import trade_off
from analysis.frames import reuse_shares
from analysis.load import load_sweep
from analysis.report.content import report_content
from analysis.report.write import render
from analysis.tables.efficiency import efficiency_table
from analysis.tables.layout import MISSING
from analysis.tables.provenance import reasons
from analysis.tables.summary import summary_table
from pab_bench.timings.store import FOLDER

SWEPT = ["spatial_gap"]
CONTROL = "c" * 16


def timed(directory: Path, **how: object) -> SweepData:
    """The sweep with other timings; see `synthetic.time_points`."""
    synthetic.time_points(directory.parents[1], **how)  # type: ignore[arg-type]
    return SweepData(load_sweep(directory))


def with_control(directory: Path) -> None:
    """A fifth job: a variant that reuses nothing."""
    record = synthetic.record(1) | {"id": CONTROL, "is_baseline": False}
    record |= {"baseline_id": synthetic.BASELINE}
    record["config"]["broadcast_object"] = "output"
    synthetic.write_json(directory.parents[1] / "points" / CONTROL / "record.json", record)
    pointer = {"id": CONTROL, "cached": False, "status": "ok", "error": None}
    pointer |= {"overrides": ["spatial_gap=9", "model=tiny"], "store": "../../points"}
    synthetic.write_json(directory / "4" / "point.json", pointer)


def cell(data: SweepData, job: int, header: str) -> str:
    table = summary_table(data).document
    (row,) = [row for row in table.rows if row[0] == str(job)]
    return row[table.headers.index(header)]


def labelled(axes: Axes, label: str):
    (artist,) = [a for a in (*axes.lines, *axes.collections) if a.get_label() == label]
    return artist


def test_a_speedup_has_an_interval_a_bound_and_an_efficiency(data: SweepData) -> None:
    row = data.summary.set_index("job").loc[2]
    assert row["speedup_low"] < row["speedup"] < row["speedup_high"]
    reused = synthetic.plan(4).groupby("kind")["reuse"].mean()
    saved = sum(share * reused[kind] for kind, share in synthetic.PARTS.items())
    assert row["bound"] == pytest.approx(1 / (1 - saved))
    assert row["efficiency"] == pytest.approx(2 * (1 - saved))
    assert cell(data, 2, "speedup [95 %]") == "2.000 [1.989, 2.011]"
    assert cell(data, 2, "bound") == f"{row['bound']:.3f}"
    assert cell(data, 2, "efficiency") == f"{row['efficiency']:.1%}"
    assert cell(data, 0, "speedup [95 %]") == "1.000"  # The baseline, by definition.
    (note,) = notes(data)
    assert note == (
        "speedups: from calls in turns with the baseline's, 11 rounds, by wall time, 1 thread; "
        "a control, which reuses nothing: 1.000 [0.995, 1.005]"
    )


def test_what_is_above_its_bound_is_marked_and_noted(directory: Path) -> None:
    data = timed(directory, seconds={4: 4.0})
    assert cell(data, 2, "speedup [95 %]").startswith("2.500 ! [2.4")
    assert cell(data, 1, "speedup [95 %]").startswith("1.250 [")
    (note,) = [note for note in notes(data) if note.startswith("job ")]
    assert note.startswith("job 2: speedup 2.500 [2.4")
    assert "above its bound by time" in note
    assert "measured wrong" in note
    assert note in summary_table(data).document.notes
    efficiency = efficiency_table(data).document
    assert [row[2].startswith("2.500x ! [") for row in efficiency.rows] == [False, True]
    assert report_content(data)["rows"][2]["fault"] == "above its bound by time"
    page = render(data, {}, [], notes(data))
    assert f'<p class="note fault">{note.partition(";")[0]}' in page


def test_what_only_touches_its_bound_is_not(directory: Path, data: SweepData) -> None:
    bound = data.summary["bound"][2]
    data = timed(directory, seconds={4: 10 / bound / 1.001})
    assert data.summary["speedup"][2] > bound
    assert data.summary["efficiency"][2] > 1
    assert data.summary["speed_fault"].isna().all()


@pytest.mark.parametrize(("control", "wrong"), [(1.0, False), (1.1, True), (0.9, True)])
def test_a_control_whose_interval_leaves_out_1(
    directory: Path, control: float, wrong: bool
) -> None:
    with_control(directory)
    data = timed(directory, control=control)
    assert data.summary["speedup"][4] == pytest.approx(1 / control)
    assert cell(data, 4, "speedup [95 %]").startswith(f"{1 / control:.3f} ! [") == wrong
    found = [note for note in notes(data) if "may be off by as much" in note]
    # Once for the pass, whichever jobs are controls, and also where none is.
    assert [f"came out as {1 / control:.3f} [" in note for note in found] == [True] * wrong
    assert not pd.isna(data.summary["speedup_low"][4])


def test_operations_bound_where_no_time_does(directory: Path) -> None:
    path = directory.parents[1] / "points" / synthetic.point_id(2) / "record.json"
    record = json.loads(path.read_text())
    synthetic.write_json(path, record | {"cost": {"flops_ratio": 0.9}})
    assert SweepData(load_sweep(directory)).summary["speed_fault"].isna().all()
    data = timed(directory, parts=None)
    assert data.summary[["bound", "efficiency"]].isna().all(axis=None)
    assert data.summary["speed_fault"][1] == "above its bound by operations"
    (note,) = [note for note in notes(data) if note.startswith("job 1")]
    assert note.endswith("above its bound by operations, 1.111; measure again")


def test_without_timings_speedups_are_missing_with_the_reason(directory: Path) -> None:
    shutil.rmtree(directory.parents[1] / FOLDER)
    data = SweepData(load_sweep(directory))
    numbers = data.summary[["speedup", "speedup_low", "bound", "efficiency", "denoise_s"]]
    assert numbers.isna().all(axis=None)
    assert cell(data, 1, "speedup [95 %]") == MISSING
    (reason,) = [line for line in reasons(data) if "speedup" in line]
    assert "jobs 1, 2" in reason
    assert "task=speed" in reason
    assert notes(data) == []
    figure = speed(data.summary, SWEPT, reuse_shares(data.sweep))
    assert [text.get_text() for text in figure.axes[0].texts].count("no value") == 3
    assert not figure.legends
    with pytest.raises(NothingToShow, match="no point has a speedup"):
        trade_off(data.summary, SWEPT, data.metrics)


@pytest.mark.parametrize("what", ["cpu", "cores", "device"])
def test_timings_of_another_machine_are_not_used(directory: Path, what: str) -> None:
    path = directory.parents[1] / "points" / synthetic.point_id(4) / "record.json"
    record = json.loads(path.read_text())
    record["provenance"][what] = "another"
    synthetic.write_json(path, record)
    data = SweepData(load_sweep(directory))
    assert data.summary["speedup"][1] == pytest.approx(1.25)
    assert pd.isna(data.summary["speedup"][2])
    assert any("job 2" in line and "not timed" in line for line in reasons(data))


def test_one_missing_speedup_leaves_the_figures(directory: Path) -> None:
    path = directory.parents[1] / "points" / synthetic.point_id(4) / "record.json"
    record = json.loads(path.read_text())
    record["provenance"]["cpu"] = "another"
    synthetic.write_json(path, record)
    data = SweepData(load_sweep(directory))
    left = speed(data.summary, SWEPT, reuse_shares(data.sweep)).axes[0]
    assert [text.get_text() for text in left.texts] == ["no value", "1.000x", "1.250x", "baseline"]
    ssim = trade_off(data.summary, SWEPT, data.metrics).axes[1]
    assert [text.get_text() for text in ssim.texts] == ["S- T- C-", "S2 T2 C6"]


@pytest.mark.parametrize(("took", "verdict"), [(8.02, "within"), (7.0, "outside")])
def test_whole_videos_judge_what_follows_from_calls(
    directory: Path, took: float, verdict: str
) -> None:
    data = timed(directory, turns={2: [took - 0.05, took, took + 0.05]})
    row = data.summary.set_index("job").loc[1]
    assert row["videos_speedup"] == pytest.approx(10 / took, rel=1e-3)
    assert row["videos_speedup_low"] < row["videos_speedup"] < row["videos_speedup_high"]
    assert cell(data, 1, "videos in turns [95 %]").startswith(f"{row['videos_speedup']:.3f} [")
    assert cell(data, 2, "videos in turns [95 %]") == MISSING
    (note,) = [note for note in notes(data) if "whole videos" in note]
    assert note.startswith("job 1: ")
    assert note.endswith(f"the 1.250 from calls lies {verdict}")


def test_whole_videos_have_no_column_without_any(data: SweepData) -> None:
    assert "videos in turns [95 %]" not in summary_table(data).document.headers


def test_intervals_and_bounds_in_the_figure(data: SweepData) -> None:
    figure = speed(data.summary, SWEPT, reuse_shares(data.sweep))
    left = figure.axes[0]
    rows = data.summary.iloc[1:3]
    bars = labelled(left, "95 % interval").get_segments()
    expected = [
        [(gap, low), (gap, high)]
        for gap, low, high in zip((2, 4), rows["speedup_low"], rows["speedup_high"], strict=True)
    ]
    np.testing.assert_allclose(bars, expected)
    ticks = labelled(left, "bound: reusing takes no time")
    assert list(ticks.get_xdata()) == [2, 4]
    np.testing.assert_array_equal(ticks.get_ydata(), rows["bound"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "95 % interval",
        "bound: reusing takes no time",
    ]


def test_intervals_in_the_scatter_plot(data: SweepData) -> None:
    figure = trade_off(data.summary, SWEPT, data.metrics)
    ssim = figure.axes[1]
    rows = data.summary.iloc[1:3]
    bars = labelled(ssim, "95 % interval").get_segments()
    np.testing.assert_allclose([bar[:, 0] for bar in bars], rows[["speedup_low", "speedup_high"]])
    np.testing.assert_allclose([bar[:, 1] for bar in bars], rows[["ssim", "ssim"]])
    low, high = ssim.get_xlim()
    assert low < rows["speedup_low"].min() < rows["speedup_high"].max() < high
    assert "95 % interval" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_what_cannot_be_true_is_crossed_out_in_figures(directory: Path) -> None:
    data = timed(directory, seconds={4: 4.0})
    left = speed(data.summary, SWEPT, reuse_shares(data.sweep)).axes[0]
    cross = labelled(left, "cannot be true: see notes")
    assert (list(cross.get_xdata()), list(cross.get_ydata())) == ([4], [data.summary["speedup"][2]])
    ssim = trade_off(data.summary, SWEPT, data.metrics).axes[1]
    assert list(labelled(ssim, "cannot be true: see notes").get_ydata()) == [
        data.summary["ssim"][2]
    ]
