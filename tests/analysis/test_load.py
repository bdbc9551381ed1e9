from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import synthetic

from analysis.errors import NotASweep, NothingToShow
from analysis.load import load_sweep, parse_overrides
from analysis.points import Sweep


def test_jobs_points_and_baselines(sweep: Sweep) -> None:
    assert [job.number for job in sweep.jobs] == [0, 1, 2, 3]
    assert [job.status for job in sweep.jobs] == ["ok", "ok", "ok", "failed"]
    assert sweep.jobs[3].error == "ValueError: spatial_gap: must be at least 1, got 0"
    assert [point.id for point in sweep.baselines] == [synthetic.BASELINE]
    assert sweep.jobs[0].baseline is sweep.jobs[0].point
    assert sweep.jobs[2].baseline is not None
    assert sweep.jobs[2].baseline.id == synthetic.BASELINE


def test_jobs_are_sorted_by_number_not_by_name(directory: Path) -> None:
    for number in (10, 9):
        synthetic.write_pointer(directory, number, 2)
    assert [job.number for job in load_sweep(directory).jobs] == [0, 1, 2, 3, 9, 10]


def test_frames_and_tables_on_demand(sweep: Sweep) -> None:
    _, point = sweep.finished[1]
    assert point.videos() == [(0, 0), (0, 1), (1, 0), (1, 1)]
    np.testing.assert_array_equal(point.frames(1, 0), synthetic.video(1, 0, 2))
    assert len(point.table("plan")) == len(synthetic.plan(2))
    with pytest.raises(NothingToShow, match="curves"):
        point.table("curves")
    with pytest.raises(NothingToShow, match="007-0"):
        point.frames(7, 0)


def test_single_run(tmp_path: Path) -> None:
    synthetic.write_point(tmp_path / "points", 1)
    synthetic.write_pointer(tmp_path / "run", 0, 1)
    pointer = json.loads((tmp_path / "run" / "0" / "point.json").read_text())
    synthetic.write_json(tmp_path / "run" / "point.json", pointer | {"store": "../points"})
    (job,) = load_sweep(tmp_path / "run").jobs
    assert (job.number, job.status) == (0, "ok")


def test_half_finished(directory: Path) -> None:
    (directory / "4").mkdir()
    synthetic.write_pointer(directory, 5, 7)  # No such point.
    (directory / "6").mkdir()
    (directory / "6" / "point.json").write_text("{")
    jobs = load_sweep(directory).jobs
    assert [job.status for job in jobs[4:]] == ["not finished", "not finished", "unreadable"]
    assert all(job.error for job in jobs[4:])


def test_unknown_schema_is_named(directory: Path) -> None:
    path = directory.parents[1] / "points" / synthetic.point_id(4) / "record.json"
    synthetic.write_json(path, json.loads(path.read_text()) | {"schema": 99})
    job = load_sweep(directory).jobs[2]
    assert job.status == "unreadable"
    assert job.error is not None
    assert "99" in job.error


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_no_sweep(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotASweep, match=name):
        load_sweep(tmp_path / name)


def test_overrides() -> None:
    assert parse_overrides(["a=1", "++b=[1,2]", "c=x=y"]) == {"a": "1", "b": "[1,2]", "c": "x=y"}


@pytest.mark.parametrize("sums", ["kept", "emptied", "removed"])
def test_a_record_that_was_changed_is_no_row(directory: Path, sums: str) -> None:
    folder = directory.parents[1] / "points" / synthetic.point_id(4)
    path = folder / "record.json"
    path.write_text(path.read_text().replace('"psnr_db"', '"psnr_db" ', 1))
    if sums == "emptied":
        (folder / "SHA256SUMS").write_text("")
    elif sums == "removed":
        (folder / "SHA256SUMS").unlink()
    job = load_sweep(directory).jobs[2]
    assert job.status == "unreadable"
    assert "SHA256SUMS" in str(job.error)
