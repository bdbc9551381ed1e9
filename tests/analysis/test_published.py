"""What the paper prints, and our points beside it."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import grids
import pandas as pd
import pytest
import synthetic
from grids import rules

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.load import load_sweep
from analysis.paper.facts import settings, table
from analysis.paper.match import differences, gaps_of, model_of, stands_beside
from analysis.tables.published import table1, table2, table3
from pab_bench.timings.store import FOLDER


def row(number: int, name: str, model: str = "latte_1"):
    (found,) = [r for r in table(number).rows if (r.name, r.model) == (name, model)]
    return found


def test_facts_keep_what_is_unconfirmed() -> None:
    assert row(1, "pab246", "open_sora_1_2").cells["psnr"].value == 27.04
    assert row(1, "pab246", "open_sora_1_2").cells["psnr"].confirmed
    suspect = row(1, "pab357", "open_sora_plan_1_1").cells["ssim"]
    assert not suspect.confirmed
    assert "0.5440" in suspect.note
    assert "psnr" not in row(1, "original").cells  # The original is not compared with itself.


def test_every_source_is_named_and_every_unconfirmed_number_has_none() -> None:
    for number in (1, 2, 3):
        published = table(number)
        for entry in published.rows:
            assert entry.model in {model.key for model in settings()}
            for cell in entry.cells.values():
                assert set(cell.sources) <= set(published.sources)
                assert cell.confirmed == bool(set(cell.sources) - {"S5"})


def test_table_2_is_the_paper_s_arithmetic() -> None:
    whole = row(2, "all", "open_sora_1_2").cells["latency_s"].value
    for entry in table(2).rows:
        if "delta_s" in entry.cells:
            assert entry.cells["latency_s"].value - whole == pytest.approx(
                entry.cells["delta_s"].value
            )


def made(tmp_path: Path, points, make, sampler: str = "LatteSampler"):
    data = SweepData(load_sweep(grids.write_sweep(tmp_path, points, sampler)))
    table = make(data)
    return data, pd.read_csv(io.StringIO(table.csv)), table.document.markdown()


PRESETS = [(rules(spatial=s, temporal=t, cross=c), "output") for s, t, c in grids.PRESETS]


def test_table_1_beside_ours(tmp_path: Path) -> None:
    data, frame, text = made(tmp_path, PRESETS, table1)
    assert set(frame["model"]) == {"latte_1"}
    for place, name in enumerate(grids.PRESETS.values()):
        paper, ours = frame[frame["row"] == name].to_dict("records")
        assert paper["source"] == "paper"
        assert ours["psnr"] == data.summary["psnr_db"][place]
        assert ours["psnr_low"] < ours["psnr"] < ours["psnr_high"]
        assert ours["latency_s"] == data.summary["denoise_s"][place]
    assert frame.loc[frame["row"] == "pab347", "psnr"].iloc[0] == 18.08
    assert "18.08?" in text  # Unconfirmed.
    assert "19.71 " in text
    assert "10 frames of 32 x 32 instead of 16 of 512 x 512" in text
    assert "no MLP broadcast" in text
    assert "weights dddddddddddddddd instead of maxin-cn/Latte-1" in text


def test_the_row_printed_as_235_was_run_with_236(tmp_path: Path) -> None:
    data, *_ = made(tmp_path, PRESETS, table1)
    (point,) = [p for _, p in data.sweep.finished if gaps_of(p) == (2, 3, 6)]
    assert stands_beside(point, row(1, "pab235"))
    assert not stands_beside(point, row(1, "t_gate"))


def test_table_1_needs_a_row_of_the_paper(tmp_path: Path) -> None:
    for sampler, points in (("LatteSampler", [(rules(spatial=2), "output")]), ("Other", PRESETS)):
        with pytest.raises(NothingToShow, match="table 1"):
            made(tmp_path / sampler, points, table1, sampler)


def test_table_2_beside_ours(tmp_path: Path) -> None:
    whole = {"spatial": 2, "temporal": 4, "cross": 6, "mlp": 2}
    points = [({k: g for k, g in whole.items() if k != left}) for left in (None, *whole)]
    _, frame, text = made(tmp_path, [(rules(**gaps), "output") for gaps in points], table2)
    ours = frame[frame["source"] != "paper"].set_index("row")
    paper = frame[frame["source"] == "paper"].set_index("row")
    assert set(ours.index) == set(paper.index)
    assert pd.isna(ours["delta_s"]["all"])
    expected = ours["latency_s"]["without MLP"] - ours["latency_s"]["all"]
    assert ours["delta_s"]["without MLP"] == pytest.approx(expected)
    assert paper["delta_s"]["without temporal"] == 4.08
    assert "Open-Sora, PAB246, 2 s 480p, one H100" in text


def test_table_3_beside_ours(tmp_path: Path) -> None:
    points = [(rules(spatial=2), kept) for kept in ("output", "scores", "ungated")]
    _, frame, _ = made(tmp_path, points, table3)
    ours = frame[frame["source"] != "paper"]
    assert list(ours["row"]) == ["original", "output", "scores", "ungated"]
    assert ours["latency_s"].iloc[0] == 10.0
    assert "scores" in set(frame[frame["source"] == "paper"]["row"])


def test_differences_of_a_point_like_the_paper_s(tmp_path: Path) -> None:
    data, *_ = made(tmp_path, PRESETS, table1)
    point = data.sweep.finished[0][1]
    model = model_of(point)
    assert model is not None
    config = point.record["config"]
    config |= {"steps": model.steps, "guidance": model.guidance}
    config["model"] |= {"frames": 16, "height": 512, "width": 512, "repository": model.repository}
    found = " ".join(differences(point, model))
    for word in ("weights", "frames of", "steps", "guidance"):
        assert word not in found.replace("decoded frames", "").replace("frames both", "")


def test_our_latency_and_speedup_are_those_of_timed_calls(tmp_path: Path) -> None:
    data, frame, text = made(tmp_path, PRESETS, table1)
    ours = frame[frame["source"] != "paper"].set_index("row")
    assert ours["latency_s"]["original"] == pytest.approx(10.0)
    first = data.summary.iloc[0]
    name = next(iter(grids.PRESETS.values()))
    assert ours["speedup_low"][name] == first["speedup_low"] < ours["speedup"][name]
    shown = f"{first['speedup']:.3f} [{first['speedup_low']:.3f}, {first['speedup_high']:.3f}]"
    assert shown in text
    assert "from calls in turns" in text


def test_without_timings_ours_have_no_latency(tmp_path: Path) -> None:
    sweep = grids.write_sweep(tmp_path, PRESETS)
    shutil.rmtree(tmp_path / FOLDER)
    table = table1(SweepData(load_sweep(sweep)))
    frame = pd.read_csv(io.StringIO(table.csv))
    ours = frame["source"] != "paper"
    assert frame.loc[ours, ["latency_s", "speedup"]].isna().all(axis=None)
    assert frame.loc[ours & (frame["row"] != "original"), "psnr"].notna().all()
    assert "from calls in turns" not in table.document.markdown()


def test_a_speedup_that_cannot_be_true_is_marked_beside_the_paper_s(tmp_path: Path) -> None:
    sweep = grids.write_sweep(tmp_path, PRESETS)
    points = [(p.folder, dict(p.record)) for _, p in load_sweep(sweep).finished]
    folder, record = points[0]
    synthetic.write_json(folder / "record.json", record | {"cost": {"flops_ratio": 0.99}})
    text = table1(SweepData(load_sweep(sweep))).document.markdown()
    assert text.count(" ! [") == 1
    assert "speedup above its bound by operations." in text


def test_whose_setting_a_row_is(tmp_path: Path) -> None:
    sweep = grids.write_sweep(tmp_path, PRESETS)
    points = [(p.folder, dict(p.record)) for _, p in load_sweep(sweep).finished]
    for (folder, record), name in zip(points, ("tgate_pab", "tgate", "fora"), strict=False):
        config = record["config"] | {"method": {"name": name}, "rules": {}}
        synthetic.write_json(folder / "record.json", record | {"config": config})
    made = table1(SweepData(load_sweep(sweep)))
    frame = pd.read_csv(io.StringIO(made.csv))
    ours = frame[(frame["row"] == "t_gate") & (frame["source"] != "paper")]
    assert list(ours["setting"]) == ["of PAB's experiments", "of the method's authors"]
    paper = frame[(frame["row"] == "t_gate") & (frame["source"] == "paper")]
    assert list(paper["setting"]) == ["of PAB's experiments"]
    assert "| setting" in made.document.markdown()
    assert "setting" not in table1(SweepData(load_sweep(
        grids.write_sweep(tmp_path / "pab", PRESETS)
    ))).document.headers  # fmt: skip
