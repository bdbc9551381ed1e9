import numpy as np
import pandas as pd
import pytest
import synthetic

import pab_bench as pb
from analysis.data import SweepData
from analysis.load import load_sweep
from pab_bench.door.results import NoResults


def files(folder):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_tables_of_a_sweep(sweep_folder):
    results_folder = sweep_folder.parents[1]
    before = files(results_folder)
    results = pb.load(str(sweep_folder))
    pd.testing.assert_frame_equal(results.summary, SweepData(load_sweep(sweep_folder)).summary)
    assert list(results.points) == [synthetic.point_id(gap) for gap in synthetic.GAPS]
    assert results.points[synthetic.BASELINE].record["baseline_id"] is None
    metrics = results.metrics
    assert metrics.columns.tolist() == ["point", "prompt", "seed", "frame", "metric", "value"]
    expected = [synthetic.metrics(gap) for gap in synthetic.GAPS]
    pd.testing.assert_frame_equal(
        metrics.drop(columns="point"), pd.concat(expected, ignore_index=True)
    )
    assert set(results.curves["point"]) == {synthetic.BASELINE}
    assert repr(results).endswith("3 of 4 jobs finished)")
    with pytest.raises(NoResults, match=r"no point has steps\.parquet"):
        _ = results.steps
    assert files(results_folder) == before


def test_frames(sweep_folder):
    results = pb.load(sweep_folder)
    expected = synthetic.video(1, 1, 2)
    assert np.array_equal(results.frames(1, prompt=1, seed=1), expected)
    assert np.array_equal(results.frames(synthetic.point_id(2), 1, 1), expected)
    assert results.frames(0).shape == (10, 32, 32, 3)
    with pytest.raises(NoResults, match="no finished job 3; there are 0, 1, 2"):
        results.frames(3)
    with pytest.raises(NoResults, match="no finished point 'x'; there are b"):
        results.frames("x")
    with pytest.raises(NoResults, match="007-0"):
        results.frames(0, prompt=7)


def test_a_store_and_a_single_run(sweep_folder, tmp_path):
    store = pb.load(sweep_folder.parents[1])
    assert len(store.summary) == 3
    synthetic.write_point(tmp_path / "points", 1)
    synthetic.write_pointer(tmp_path, 0, 1)
    (tmp_path / "0").rename(tmp_path / "run")
    pointer = tmp_path / "run" / "point.json"
    pointer.write_text(pointer.read_text().replace("../../points", "../points"))
    assert pb.load(tmp_path / "run").summary["status"].tolist() == ["ok"]


def test_nothing_there(tmp_path):
    with pytest.raises(NoResults, match="expected point"):
        pb.load(tmp_path)
    with pytest.raises(NoResults, match="no such folder"):
        pb.load(tmp_path / "missing")
