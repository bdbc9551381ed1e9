"""Runtime parts and speedup efficiency, from records with known times."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
import synthetic

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.runtime_breakdown import runtime_breakdown
from analysis.load import load_sweep
from analysis.runtime import KINDS, PARTS, efficiency_frame, runtime_frame
from analysis.tables.efficiency import efficiency_table

# Of a baseline of 10 s: every step takes a twentieth of each.
SECONDS = {"spatial": 2.0, "temporal": 1.0, "cross": 1.0, "mlp": 3.0}
STAGES = {
    **{f"{kind}_s": seconds for kind, seconds in SECONDS.items()},
    "attention_s": 1.0,
    "around_attention_s": 3.0,
    "rest_s": 2.0,
    "transformer_s": 9.0,
}


def timed(directory: Path, gap: int) -> None:
    """Add the times of parts, and a predicted cost, to the point of that gap."""
    folder = directory.parents[1] / "points" / synthetic.point_id(gap)
    record = json.loads((folder / "record.json").read_text())
    whole = record["timing"]["denoise_s"]["median"]
    record["timing"] |= {k: {"median": v * whole / 10} for k, v in STAGES.items()}
    record["cost"] = {"flops_ratio": {1: 1.0, 2: 0.75, 4: 0.5}[gap]}
    synthetic.write_json(folder / "record.json", record)
    steps = pd.DataFrame(
        [
            {"step": step, **{f"{kind}_s": SECONDS[kind] / synthetic.STEPS for kind in KINDS}}
            for _ in range(3)  # Several videos.
            for step in range(synthetic.STEPS)
        ]
    )
    steps.to_parquet(folder / "steps.parquet", index=False)


@pytest.fixture
def timed_data(directory: Path) -> SweepData:
    for gap in synthetic.GAPS:
        timed(directory, gap)
    return SweepData(load_sweep(directory))


def test_baseline_and_points_part_by_part(timed_data: SweepData) -> None:
    frame = runtime_frame(timed_data)
    assert frame["label"].tolist()[0] == "nothing reused"
    assert len(frame) == 3
    baseline = frame.iloc[0]
    assert baseline["sampler_s"] == pytest.approx(1.0)
    assert baseline[list(PARTS)].sum() == pytest.approx(10 + 10 + 10)  # Encoding, decoding too.
    figure = runtime_breakdown(frame)
    (axes,) = figure.axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(PARTS.values())
    ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
    assert ends == pytest.approx([30, 24, 15])


def test_efficiency_against_both_bounds(timed_data: SweepData) -> None:
    frame = efficiency_frame(timed_data).set_index("job")
    for job, gap in ((1, 2), (2, 4)):
        plan = synthetic.plan(gap)
        shares = plan.groupby(["kind", "call"])["reuse"].mean()
        saved = sum(SECONDS[kind] / synthetic.STEPS * shares[kind].sum() for kind in KINDS)
        row = frame.loc[job]
        assert row["speedup"] == pytest.approx(10 / {2: 8, 4: 5}[gap])
        assert row["bound_by_time"] == pytest.approx(10 / (10 - saved))
        assert row["efficiency_by_time"] == pytest.approx(row["speedup"] * (10 - saved) / 10)
        assert row["bound_by_flops"] == pytest.approx({2: 4 / 3, 4: 2}[gap])
    assert 0 not in frame.index  # The baseline itself.
    made = efficiency_table(timed_data)
    assert {"93.8%", "100.0%"} <= {row[-1] for row in made.document.rows}
    assert len(pd.read_csv(io.StringIO(made.csv))) == 2


def test_without_times_of_parts_only_operations_bound(directory: Path, data: SweepData) -> None:
    with pytest.raises(NothingToShow, match=r"measure\.parts"):
        runtime_frame(data)
    with pytest.raises(NothingToShow, match="predicted cost"):
        efficiency_frame(data)
    timed(directory, 4)
    frame = efficiency_frame(SweepData(load_sweep(directory))).set_index("job")
    assert frame.loc[2, "bound_by_flops"] == 2
    assert pd.isna(frame.loc[2, "bound_by_time"])
    assert pd.isna(frame.loc[1, "bound_by_flops"])
