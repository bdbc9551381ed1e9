"""Methods against each other, on a store whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import grids
import made_timings
import numpy as np
import pandas as pd
import pytest
import synthetic

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.catalog import drawings
from analysis.figures.rivals import rivals_figure
from analysis.load import load_sweep
from analysis.report.rivals import answers
from analysis.rivals.entrants import rivals_of
from analysis.rivals.standings import SPEEDS, standings_frame
from analysis.tables.rivals import rivals_table
from analysis.tables.rivals_agreement import _rows, rivals_agreement_table
from analysis.tables.speed_notes import speed_notes
from pab_bench.files import write_digests

PROMPTS = 12
POINTS = {
    # Contender: method, times fewer operations, PSNR.
    "own_fora_milder": ("fora", 1.2, 40.0),
    "fora": ("fora", 2.4, 30.0),
    "own_magcache_milder": ("magcache", 1.2, 38.0),
    "magcache": ("magcache", 2.4, 28.0),
    "teacache": ("teacache", 1.8, 45.0),
    "own_teacache_stronger": ("teacache", 4.0, 35.0),
}


def write(
    root: Path, points=None, cap: float | None = None, timed: bool = False, turns=None
) -> SweepData:
    """A baseline, a point that reuses nothing, and a point for each entry."""
    store, sweep = root / "points", root / "rivals" / "now"
    entries = {"none": ("pab", 1.0, 100.0), **(POINTS if points is None else points)}
    records = [grids.write_point(store, grids.BASELINE, {}, "output", "LatteSampler")]
    for number, (contender, (method, gain, psnr)) in enumerate(entries.items()):
        identifier = f"p{number:015d}"
        record = grids.record(identifier, {}, "output", "LatteSampler")
        record["config"]["method"] = {"name": method, "version": 1} if method != "pab" else "pab"
        record["config"]["contender"] = number
        record["cost"] = {"flops_ratio": 1 / gain}
        record["plan"]["reuse_share"] = {"all": 0.0 if method == "fewer_steps" else 1 - 1 / gain}
        synthetic.write_json(store / identifier / "record.json", record)
        values(psnr, cap).to_parquet(store / identifier / "metrics.parquet", index=False)
        write_digests(store / identifier)
        pointer = {"id": identifier, "cached": False, "status": "ok", "error": None}
        pointer |= {"overrides": [f"contender={contender}"], "store": "../../points"}
        synthetic.write_json(sweep / str(number) / "point.json", pointer)
        records.append(record)
    if timed:
        gains = [1.0, *(gain for _, gain, _ in entries.values())]
        seconds = {r["id"]: 10 / (1 + (g - 1) / 2) for r, g in zip(records, gains, strict=True)}
        # Whole videos, by contender, are all that is timed of those that have them.
        named = dict(zip(entries, records[1:], strict=True))
        videos = {named[name]["id"]: own for name, own in (turns or {}).items()}
        turned = {name: own for name, own in videos.items() if own}
        made_timings.write_timings(root, records, seconds, turns=turned, videos_only=videos)
    return SweepData(load_sweep(sweep))


def values(psnr: float, cap: float | None) -> pd.DataFrame:
    """PSNR, SSIM and LPIPS that go together, of twelve prompts that are hard in the same way."""
    rows = []
    for prompt, hard in enumerate(np.linspace(-3, 3, PROMPTS)):
        own = cap if cap is not None and prompt == 0 else min(psnr + hard, 100.0)
        rows += [
            (prompt, 0, -1, "psnr_db", own),
            (prompt, 0, -1, "ssim", 1 - (60 - own) / 1000),
            (prompt, 0, -1, "lpips", (60 - own) / 100),
        ]
    return pd.DataFrame(rows, columns=["prompt", "seed", "frame", "metric", "value"])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SweepData:
    return write(tmp_path_factory.mktemp("rivals") / "results")


def test_settings_are_grouped_by_method_and_say_who_chose_them(data: SweepData) -> None:
    (found,) = rivals_of(data)
    assert found.axis == "operations"
    shown = {
        method: [(one.name, one.published, round(one.gain, 6)) for one in own]
        for method, own in found.entrants.items()
    }
    assert shown["fora"] == [("own_fora_milder", False, 1.2), ("fora", True, 2.4)]
    assert set(shown) == {"fora", "magcache", "teacache"}
    assert found.notes == []


def test_methods_stand_as_they_were_made(data: SweepData) -> None:
    rows = standings_frame(rivals_of(data), data.metrics)
    psnr = rows[(rows["metric"] == "psnr_db") & (rows["equal"] == "speed")]
    assert set(psnr["level"]) == set(SPEEDS)
    at = {level: part.set_index("method") for level, part in psnr.groupby("level")}
    share = np.log(2 / 1.2) / np.log(2)
    assert at[2.0].loc["fora", "value"] == pytest.approx(40 - 10 * share)
    assert at[2.0]["rank"].to_dict() == {"teacache": 1, "fora": 2, "magcache": 3}
    assert at[2.0]["group"].to_dict() == {"teacache": 1, "fora": 2, "magcache": 3}
    assert at[1.5].loc["teacache", "note"] == "not reached: its settings gain 1.8x to 4x"
    assert at[3.0]["rank"].notna().to_dict() == {
        "fora": False, "magcache": False, "teacache": True,
    }  # fmt: skip
    gain = rows[(rows["metric"] == "psnr_db") & (rows["equal"] == "quality")]
    at_35 = gain[gain["level"] == 35].set_index("method")
    assert at_35.loc["fora", "value"] == pytest.approx(np.sqrt(1.2 * 2.4))
    assert at_35["rank"].to_dict() == {"teacache": 1, "fora": 2, "magcache": 3}
    worse_is_higher = rows[(rows["metric"] == "lpips") & (rows["equal"] == "speed")]
    assert worse_is_higher.groupby("level")["method"].first()[2.0] == "teacache"


def test_table_and_answers_say_the_same(data: SweepData) -> None:
    made = rivals_table(data)
    text = made.document.markdown()
    assert "2x fewer operations" in text
    assert "That is no speedup" in text
    assert "not reached by fora, magcache" in text
    assert "speedup [" not in text
    (found,) = answers(data)
    at = {answer.level: answer for answer in found.answers}
    assert at["2x fewer operations"].best.startswith("teacache (")
    assert at["2x fewer operations"].worse == "2 fora, 3 magcache"
    assert at["1.25x fewer operations"].absent == "teacache"
    assert made.csv is not None
    assert len(made.csv.splitlines()) == 1 + 3 * 3 * (4 + 5)


def test_equal_methods_share_a_rank(tmp_path: Path) -> None:
    points = {name: own for name, own in POINTS.items() if own[0] != "teacache"}
    points |= {"own_x_milder": ("x", 1.2, 40.0), "x": ("x", 2.4, 30.0)}
    text = rivals_table(write(tmp_path / "results", points)).document.markdown()
    ranks = [line.split("|")[3].strip() for line in text.splitlines() if "| 2x fewer" in line]
    assert ranks == ["1=", "1=", "3"]


TURNS = {"teacache": [6.0, 6.25, 6.5], "own_teacache_stronger": [4.0, 4.0, 4.1]}
"""Seconds beside ten of the baseline."""


def test_where_only_whole_videos_tell_a_speed_they_stand_beside_calls(tmp_path: Path) -> None:
    data = write(tmp_path / "results", timed=True, turns=TURNS)
    (found,) = rivals_of(data)
    assert found.axis == "speedup"
    assert found.entrants["fora"][1].gain == pytest.approx(1.7, rel=0.01)
    by_videos, stronger = found.entrants["teacache"]
    assert by_videos.gain == pytest.approx(10 / np.prod(TURNS["teacache"]) ** (1 / 3))
    assert by_videos.gain_ends is not None
    assert by_videos.gain_ends[0] < by_videos.gain < by_videos.gain_ends[1]
    assert stronger.gain == pytest.approx(2.48, rel=0.01)
    assert not any(speed.reason for speed in data.speeds.values())
    (note,) = [line for line in speed_notes(data) if "since their calls" in line]
    assert note.startswith("speedups of jobs 5, 6: from whole videos in turns with the baseline's")


def test_fewer_steps_reuse_nothing_and_are_no_control(tmp_path: Path) -> None:
    points = {**POINTS, "own_fewer_steps": ("fewer_steps", 2.0, 44.0)}
    turns = {**TURNS, "own_fewer_steps": [5.0, 5.0, 5.1]}
    (found,) = rivals_of(write(tmp_path / "results", points, timed=True, turns=turns))
    (own,) = found.entrants["fewer_steps"]
    assert own.gain == pytest.approx(2.0, rel=0.01)
    assert found.notes == []


def test_operations_are_the_axis_where_one_setting_was_not_timed(tmp_path: Path) -> None:
    turns = {**TURNS, "own_teacache_stronger": []}
    (found,) = rivals_of(write(tmp_path / "results", timed=True, turns=turns))
    assert found.axis == "operations"
    assert found.notes == ["1 of 6 settings were not timed: operations compare."]


def test_a_speedup_that_cannot_be_true_leaves_its_setting_out(tmp_path: Path) -> None:
    turns = {**TURNS, "own_teacache_stronger": [1.0, 1.0, 1.01]}
    data = write(tmp_path / "results", timed=True, turns=turns)
    (found,) = rivals_of(data)
    assert found.axis == "speedup"
    assert [one.name for one in found.entrants["teacache"]] == ["teacache"]
    (note,) = found.notes
    assert note.startswith("own_teacache_stronger has a speedup that cannot be true (above its")
    (told,) = [line for line in rivals_table(data).document.notes if "cannot be true" in line]
    assert "own_teacache_stronger" in told


def test_measured_speedups_are_the_axis_where_all_have_one(tmp_path: Path) -> None:
    data = write(tmp_path / "results", timed=True)
    (found,) = rivals_of(data)
    assert found.axis == "speedup"
    own = found.entrants["fora"][1]
    assert own.gain == pytest.approx(1.7, rel=0.01)
    assert own.gain_ends is not None
    assert own.gain_ends[0] <= own.gain <= own.gain_ends[1]
    text = rivals_table(data).document.markdown()
    assert "1.5x speedup" in text
    assert "fewer operations" not in text


def test_videos_equal_to_the_baseline_s_are_left_out_and_named(tmp_path: Path) -> None:
    data = write(tmp_path / "results", cap=100.0)
    with pytest.raises(NothingToShow, match="at least two methods"):
        rivals_of(data)
    store = tmp_path / "results" / "points" / f"p{1:015d}"
    for number in range(2, 7):
        folder = store.with_name(f"p{number:015d}")
        psnr = list(POINTS.values())[number - 1][2]
        values(psnr, None).to_parquet(folder / "metrics.parquet", index=False)
        write_digests(folder)
    (found,) = rivals_of(SweepData(load_sweep(tmp_path / "results" / "rivals" / "now")))
    assert len(found.entrants["fora"]) == 1
    assert found.notes == [
        "own_fora_milder has videos that are equal to the baseline's, whose PSNR is infinite, and "
        "is left out."
    ]


def test_what_was_to_reuse_and_has_not_is_left_out_by_name(tmp_path: Path) -> None:
    write(tmp_path / "results", POINTS | {"easycache": ("easycache", 1.0, 99.0)})
    sweep = tmp_path / "results" / "rivals" / "now"
    pointer = json.loads((sweep / "7" / "point.json").read_text())
    synthetic.write_json(sweep / "7" / "point.json", pointer | {"status": "reused_nothing"})
    record = tmp_path / "results" / "points" / pointer["id"] / "record.json"
    content = json.loads(record.read_text()) | {"status": "reused_nothing"}
    synthetic.write_json(record, content)
    (found,) = rivals_of(SweepData(load_sweep(sweep)))
    assert found.notes == ["easycache reused nothing, and is left out."]
    assert "easycache" not in found.entrants


def test_one_method_is_no_contest(tmp_path: Path) -> None:
    points = {name: own for name, own in POINTS.items() if own[0] == "fora"}
    data = write(tmp_path / "results", points)
    with pytest.raises(NothingToShow):
        rivals_table(data)
    assert answers(data) == []


def test_orders_on_two_models_agree_as_far_as_they_were_made_to(tmp_path: Path) -> None:
    quality = {"a": 40.0, "b": 38.0, "c": 36.0, "d": 34.0}
    orders = {"first": quality, "same": quality, "turned": {k: 74 - v for k, v in quality.items()}}
    rivals = []
    for model, own in orders.items():
        points = {
            f"{name}-{gain}": (name, gain, value - 4 * gain)
            for name, value in own.items()
            for gain in (1.2, 2.4)
        }
        data = write(tmp_path / model, points)
        (found,) = rivals_of(data)
        found.baseline.record["model"]["name"] = model
        rivals.append(found)
    rows = pd.DataFrame(_rows(data.metrics, rivals))
    assert set(rows["level"]) == {1.25, 1.5, 2.0}
    by_pair = rows.groupby(["first", "second"])["correlation"].agg(["min", "max"])
    names = [f"{model}, 20 steps, guidance 7.5" for model in orders]
    assert by_pair.loc[(names[0], names[1])].tolist() == pytest.approx([1, 1])
    assert by_pair.loc[(names[0], names[2])].tolist() == pytest.approx([-1, -1])
    assert rows["low"].to_numpy() == pytest.approx(rows["correlation"].to_numpy())
    with pytest.raises(NothingToShow, match="no two baselines"):
        rivals_agreement_table(data)


def test_the_figure_joins_fronts_and_tells_published_settings(data: SweepData) -> None:
    (found,) = rivals_of(data)
    figure = rivals_figure(found, data.metrics)
    psnr, _, lpips = figure.axes
    lines = [line for line in psnr.get_lines() if len(line.get_xdata()) > 2]
    ends = {tuple(np.round(line.get_ydata()[[0, -1]], 6)) for line in lines}
    assert ends == {(40.0, 30.0), (38.0, 28.0), (45.0, 35.0)}
    assert lpips.yaxis_inverted()
    assert lpips.get_yscale() == "log"
    for line in lines:
        steps = np.diff(line.get_ydata()) / np.diff(np.log(line.get_xdata()))
        assert steps == pytest.approx(steps[0])
    assert psnr.get_xscale() == "log"
    hollow = [line for line in psnr.get_lines() if line.get_markerfacecolor() == "white"]
    assert len([line for line in hollow if len(line.get_xdata()) == 1]) == 3
    assert any(drawing.name == "rivals" for drawing in drawings(data))
    assert json.dumps([text.get_text() for text in figure.legends[0].get_texts()]) == (
        '["fora", "magcache", "teacache"]'
    )
