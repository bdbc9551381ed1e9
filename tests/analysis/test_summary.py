from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import synthetic

from analysis.load import load_sweep, summary_frame
from analysis.points import Sweep
from analysis.summary import swept_columns


def test_values(sweep: Sweep) -> None:
    frame = summary_frame(sweep)
    assert list(frame["rules"][:3]) == ["S- T- C-", "S2 T2 C6", "S4 T4 C6"]
    assert list(frame["speedup"][:3]) == pytest.approx([1.0, 1.25, 2.0])
    assert list(frame["denoise_s"][:3]) == pytest.approx([10.0, 8.0, 5.0])
    assert list(frame["baseline_denoise_s"][:3]) == pytest.approx([10.0] * 3)
    assert set(frame["encode_s"][:3]) == {synthetic.ENCODE_S}
    assert set(frame["decode_s"][:3]) == {synthetic.DECODE_S}
    assert list(frame["psnr_db"][:3]) == pytest.approx([100.0, 35.0, 29.0])
    assert list(frame["videos"][:3]) == [4, 4, 4]
    assert (frame["baseline_temporal_flickering"][:3] == frame["temporal_flickering"][0]).all()
    share = synthetic.plan(4)["reuse"].mean()
    assert frame["reuse_share"][2] == pytest.approx(share)


def test_missing_stays_missing(sweep: Sweep) -> None:
    frame = summary_frame(sweep)
    assert pd.isna(frame["lpips"][2])
    numbers = frame.loc[3, ["reuse_share", "denoise_s", "speedup", "psnr_db", "videos"]]
    assert numbers.isna().all()
    assert frame["status"][3] == "failed"
    assert "spatial_gap" in frame["error"][3]


def test_only_keys_that_vary_are_columns(sweep: Sweep) -> None:
    assert swept_columns(sweep) == {"spatial_gap": "spatial_gap"}
    frame = summary_frame(sweep)
    assert list(frame["spatial_gap"]) == [1, 2, 4, 0]
    assert pd.api.types.is_integer_dtype(frame["spatial_gap"])


def test_a_swept_key_does_not_replace_a_column(directory: Path) -> None:
    path = directory / "1" / "point.json"
    pointer = json.loads(path.read_text())
    synthetic.write_json(path, pointer | {"overrides": ["spatial_gap=2", "model=other"]})
    frame = summary_frame(load_sweep(directory))
    assert list(frame["model"][:3]) == ["tiny"] * 3
    assert list(frame["model_override"][:3]) == ["tiny", "other", "tiny"]


def test_without_its_baseline_a_point_has_no_speedup(directory: Path) -> None:
    record = directory.parents[1] / "points" / synthetic.BASELINE / "record.json"
    record.unlink()
    frame = summary_frame(load_sweep(directory))
    assert frame["status"][0] == "not finished"
    assert frame[["speedup", "denoise_s"]].isna().all(axis=None)
    assert frame["decode_s"][1] == synthetic.DECODE_S
