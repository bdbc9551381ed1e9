"""Runtime parts, stages of a generation, and speedup efficiency, from known times."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import synthetic

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.runtime_breakdown import generation, runtime_breakdown
from analysis.load import load_sweep
from analysis.runtime import PARTS, STAGES, efficiency_frame, generation_frame, runtime_frame
from analysis.tables.efficiency import efficiency_table
from pab_bench.timings.store import FOLDER

MEASURED = {
    "attention_s": 1.0,
    "around_attention_s": 3.0,
    "mlp_s": 3.0,
    "rest_s": 2.0,
    "transformer_s": 9.0,
}
"""Of a baseline of 10 s."""
FLOPS_RATIO = {1: 1.0, 2: 0.75, 4: 0.5}


def changed(directory: Path, gap: int, **changes: object) -> None:
    """Change the record of the point of that gap."""
    path = directory.parents[1] / "points" / synthetic.point_id(gap) / "record.json"
    synthetic.write_json(path, json.loads(path.read_text()) | changes)


def measured(directory: Path, gap: int) -> None:
    """Add the times of parts, and a predicted cost, to the point of that gap."""
    timing = synthetic.record(gap)["timing"]
    share = synthetic.SECONDS[gap] / synthetic.SECONDS[1]
    timing |= {part: {"median": seconds * share} for part, seconds in MEASURED.items()}
    changed(directory, gap, timing=timing, cost={"flops_ratio": FLOPS_RATIO[gap]})


@pytest.fixture
def measured_data(directory: Path) -> SweepData:
    for gap in synthetic.GAPS:
        measured(directory, gap)
    return SweepData(load_sweep(directory))


def test_baseline_and_points_part_by_part(measured_data: SweepData) -> None:
    frame = runtime_frame(measured_data)
    assert frame["label"].tolist()[0] == "nothing reused"
    assert len(frame) == 3
    baseline = frame.iloc[0]
    assert baseline["sampler_s"] == pytest.approx(1.0)
    others = synthetic.ENCODE_S + synthetic.DECODE_S
    assert baseline[list(PARTS)].sum() == pytest.approx(10 + others)
    figure = runtime_breakdown(frame)
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(PARTS.values())
    ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
    assert ends == pytest.approx([seconds + others for seconds in synthetic.SECONDS.values()])


def test_stages_of_a_generation_apart(data: SweepData) -> None:
    frame = generation_frame(data)
    assert list(frame["label"]) == ["nothing reused", "S2 T2 C6", "S4 T4 C6"]
    assert list(frame["denoise_s"]) == pytest.approx(list(synthetic.SECONDS.values()))
    assert set(frame["encode_s"]) == {synthetic.ENCODE_S}
    assert set(frame["decode_s"]) == {synthetic.DECODE_S}
    figure = generation(frame)
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(STAGES.values())
    lengths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert lengths == [list(frame[stage]) for stage in STAGES]
    assert [text.get_text() for text in axes.texts] == [" 12.5 s", " 10.5 s", " 7.5 s"]


def test_a_stage_that_was_not_measured_is_missing_and_said_to_be(directory: Path) -> None:
    timing = synthetic.record(2)["timing"]
    del timing["decode_s"]
    changed(directory, 2, timing=timing)
    frame = generation_frame(SweepData(load_sweep(directory)))
    assert frame["decode_s"].isna().tolist() == [False, True, False]
    texts = [text.get_text() for text in generation(frame).axes[0].texts]
    assert texts[1] == " 8.5 s without decoder"


def test_the_baseline_s_time_is_known_without_a_job_of_its_own(directory: Path) -> None:
    shutil.rmtree(directory / "0")
    frame = generation_frame(SweepData(load_sweep(directory)))
    assert frame.iloc[0].to_dict() == {
        "label": "nothing reused",
        "encode_s": synthetic.ENCODE_S,
        "denoise_s": pytest.approx(10.0),
        "decode_s": synthetic.DECODE_S,
    }


def test_without_timings_a_generation_has_no_time(directory: Path) -> None:
    shutil.rmtree(directory.parents[1] / FOLDER)
    with pytest.raises(NothingToShow, match="no calls were timed"):
        generation_frame(SweepData(load_sweep(directory)))


def test_efficiency_against_both_bounds(measured_data: SweepData) -> None:
    frame = efficiency_frame(measured_data).set_index("job")
    for job, gap in ((1, 2), (2, 4)):
        shares = synthetic.plan(gap).groupby("kind")["reuse"].mean()
        left = 1 - sum(share * shares[kind] for kind, share in synthetic.PARTS.items())
        row = frame.loc[job]
        speedup = 10 / synthetic.SECONDS[gap]
        assert row["speedup"] == pytest.approx(speedup)
        assert row["low"] < speedup < row["high"]
        assert row["bound_by_time"] == pytest.approx(1 / left)
        assert row["efficiency_by_time"] == pytest.approx(speedup * left)
        assert row["bound_by_flops"] == pytest.approx(1 / FLOPS_RATIO[gap])
    assert 0 not in frame.index  # The baseline itself.
    made = efficiency_table(measured_data)
    assert {"93.8%", "100.0%"} <= {row[-1] for row in made.document.rows}
    assert len(pd.read_csv(io.StringIO(made.csv))) == 2


def test_without_times_of_parts_only_operations_bound(directory: Path, data: SweepData) -> None:
    with pytest.raises(NothingToShow, match=r"measure\.parts"):
        runtime_frame(data)
    synthetic.time_points(directory.parents[1], parts=None)
    with pytest.raises(NothingToShow, match="predicted cost"):
        efficiency_frame(SweepData(load_sweep(directory)))
    measured(directory, 4)
    frame = efficiency_frame(SweepData(load_sweep(directory))).set_index("job")
    assert frame.loc[2, "bound_by_flops"] == 2
    assert pd.isna(frame.loc[2, "bound_by_time"])
    assert pd.isna(frame.loc[1, "bound_by_flops"])
