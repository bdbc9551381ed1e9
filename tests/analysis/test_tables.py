from __future__ import annotations

import io
from pathlib import Path

import grids
import pandas as pd
import synthetic
from rich.console import Console

from analysis.data import SweepData
from analysis.load import load_sweep
from analysis.tables.differences import differences_frame, differences_table
from analysis.tables.metrics import metrics_table
from analysis.tables.segments import segments_table
from analysis.tables.summary import render_terminal, summary_table, write_data
from pab_bench.statistics.difference import compare
from pab_bench.text.latex import escape


def test_files_hold_the_same_numbers(data: SweepData) -> None:
    written = write_data(data)
    assert [path.name for path in written] == ["summary.csv", "summary.parquet"]
    parquet = pd.read_parquet(data.sweep.directory / "summary.parquet")
    csv = pd.read_csv(data.sweep.directory / "summary.csv", dtype={"point": str})
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False)


def test_intervals_stand_beside_the_means(data: SweepData) -> None:
    frame = data.summary
    assert (frame["psnr_db_low"][1] < frame["psnr_db"][1]) & (
        frame["psnr_db"][1] < frame["psnr_db_high"][1]
    )
    text = summary_table(data).document.markdown()
    low, high = frame["psnr_db_low"][1], frame["psnr_db_high"][1]
    assert f"35.00 [{low:.2f}, {high:.2f}]" in text
    assert "BCa bootstrap of the mean" in text


def test_markdown_has_reasons_and_provenance(data: SweepData) -> None:
    text = summary_table(data).document.markdown()
    assert "| S4 T4 C6 |" in text
    assert "LPIPS ↓" in text
    assert "job 2, lpips: no weights" in text
    assert "job 3 failed: ValueError" in text
    for fact in ("tiny (weights dddd", *synthetic.PROMPTS, "seeds: 0, 1", "steps: 20", "abc123"):
        assert fact in text
    assert "Test CPU, 1 threads" in text


def test_latex_is_escaped_booktabs(data: SweepData) -> None:
    text = summary_table(data).document.latex()
    assert r"\toprule" in text
    assert r"spatial\_gap" in text
    assert r"LPIPS $\downarrow$" in text
    assert r"28.7\%" in text
    assert escape("a_b 5% \\ ~") == r"a\_b 5\% \textbackslash{} \textasciitilde{}"


def test_points_are_compared_video_by_video(data: SweepData) -> None:
    rows = differences_frame(data)
    assert set(zip(rows["first_job"], rows["second_job"], strict=True)) == {(2, 1)}
    psnr = rows.set_index("metric").loc["psnr_db"]
    values = data.videos[data.videos["metric"] == "psnr_db"]
    own, other = (
        {(p, s): v for p, s, v in part[["prompt", "seed", "value"]].itertuples(index=False)}
        for part in (values[values["job"] == 2], values[values["job"] == 1])
    )
    expected = compare(own, other)
    assert psnr["mean"] == expected.mean < 0
    assert (psnr["low"], psnr["high"]) == (expected.interval.low, expected.interval.high)
    assert psnr["videos"] == 4
    assert bool(psnr["clear"]) is expected.is_clear
    text = differences_table(data).document.markdown()
    assert "| PSNR (dB) ↑" in text
    assert "2: S4 T4 C6" in text
    assert "Cohen's d_z" in text


def test_many_points_are_compared_with_the_first(tmp_path: Path) -> None:
    points = [({"spatial": grids.rule(2 + n % 8, 10 * n)}, "output") for n in range(15)]
    data = SweepData(load_sweep(grids.write_sweep(tmp_path, points)))
    rows = differences_frame(data)
    assert set(rows["second_job"]) == {0}
    assert set(rows["first_job"]) == set(range(1, 15))


def test_segments(data: SweepData) -> None:
    made = segments_table(data)
    frame = pd.read_csv(io.StringIO(made.csv))
    assert set(frame["measure"]) == {"mse", "relative_l1", "mse_over_energy"}
    assert set(frame["tensor"]) == {"gated", "ungated"}
    assert "s/(S-1) <= 0.15" in made.document.markdown()


def test_every_metric_has_a_value_or_a_reason(data: SweepData) -> None:
    made = metrics_table(data)
    frame = pd.read_csv(io.StringIO(made.csv))
    assert len(frame) == 3 * 4
    missing = frame[frame["value"].isna()]
    assert list(missing["reason"]) == ["no weights"]
    psnr = frame[(frame["metric"] == "psnr_db") & (frame["job"] == 1)].iloc[0]
    assert psnr["low"] < psnr["value"] < psnr["high"]
    assert psnr["videos"] == 4
    assert "no weights" in made.document.markdown()


def test_terminal(data: SweepData) -> None:
    console = Console(file=io.StringIO(), width=80)
    render_terminal(data, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("S2 T2 C6", "28.7%", "1.250", "35.00", "LPIPS ↓", "flicker ↑"):
        assert part in text
    assert "job 3 failed" in text
    assert "…" not in text
    assert "[1.243, 1.257]" in text
    assert "without bound and efficiency" in text
    wide = Console(file=io.StringIO(), width=120)
    render_terminal(data, wide)
    assert "speedup [95 %]  bound  efficiency" in wide.file.getvalue()  # type: ignore[attr-defined]
