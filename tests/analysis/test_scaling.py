"""Figures of several ranks, from files as `task=scaling` and `task=cost` write them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import NothingToShow, UnreadableRecord
from analysis.figures.communication_timeline import communication_timeline
from analysis.figures.table4 import table4
from analysis.paper.facts import figure1, table
from analysis.paper.parallel import published_beside
from analysis.parallel import main
from analysis.scaling_data import (
    read_scaling,
    scaling_files,
    table4_frame,
    timeline_point,
    with_reuse,
)
from analysis.scaling_figures import scaling_figures
from pab_bench.parallel.link import LINKS
from pab_bench.parallel.volumes import Activation, volume

OWN = Activation(2, 15, 1590, 1152, 2, 16, 32, rows_together=False)
WAYS = (("dsp", "frames"), ("dsp", "tokens"), ("ulysses", "frames"), ("megatron_sp", "frames"))
CALLS, LAYERS = 30, 28


def cost(preset: str, computed: int, **changes: Any) -> dict[str, Any]:
    """A point of `task=cost`: Table 4's, with so many calls that compute."""
    attentions = [LAYERS] * computed + [0] * (CALLS - computed)

    def made(way: tuple[Any, Any], counts: list[int]) -> dict[str, Any]:
        found = volume(*way[:1], OWN, way[1], 8, counts, [2] * CALLS)
        assert found is not None
        return asdict(found)

    ways = [
        {
            "method": way[0],
            "split": way[1],
            "with_plan": made(way, attentions),
            "baseline": made(way, [LAYERS] * CALLS),
        }
        for way in WAYS
    ]
    rows = ["1" * n + "0" * (LAYERS - n) for n in attentions]
    return {
        "schema": 1,
        "model": "open_sora",
        "sampler": "OpenSoraSampler",
        "method": "pab",
        "preset": preset,
        "size": [51, 480, 854],
        "steps": CALLS,
        "calls": CALLS,
        "convention": {"name": "paper", "traffic": "column"},
        "communication": {
            "ranks": 8,
            "reason": None,
            "activation": asdict(OWN),
            "ways": ways,
            "computed": {"frames": rows, "tokens": rows},
        },
        **changes,
    }


COSTS = [cost("none", 30), cost("pab246", 17)]


def prediction(**changes: Any) -> dict[str, Any]:
    """A point of `task=scaling` that starts from Table 4's seconds on one GPU."""
    ranks = [1, 2, 8, 16]

    def row(n: int) -> dict[str, Any]:
        parts = {"serial": 0.0, "padding": 0.5, "exchanges": 0.2, "gathering": 0.0}
        seconds = [97.51 / n, 71.25 / n]
        timed = [
            {
                **parts,
                "computing": own,
                "communication": 0.2,
                "total": own + 0.7,
                "speedup": 97.51 / (own + 0.7),
                "speedup_low": 97.51 / (own + 1),
                "speedup_high": 97.51 / (own + 0.6),
            }
            for own in seconds
        ]
        return {
            "ranks": n,
            "reason": None,
            "padding_factor": 1.05,
            "baseline": timed[0],
            "with_plan": timed[1],
            "speedup": timed[1]["speedup"],
            "gain": 97.51 / 71.25,
            "scaling": 71.25 / timed[1]["total"],
            "saved_computing": seconds[0] - seconds[1],
            "saved_communication": 0.0,
            "communication_share": 0.0,
            "bytes_per_call": {
                "needed": 4e9 / n,
                "padding": 1e8,
                "with_plan": 2e9 / n,
                "output": 1e7,
                "hidden": 3e8,
            },
        }

    def rows(method: str) -> list[dict[str, Any]]:
        cannot = {"ranks": 16, "reason": "16 ranks do not divide 12 heads"}
        return [cannot if method != "dsp" and n == 16 else row(n) for n in ranks]

    gains = {"relative_gain": 1.4, "communication_share": 0.3}
    return {
        "schema": 1,
        "model": "open_sora",
        "sampler": "OpenSoraSampler",
        "preset": "pab246",
        "method": "pab",
        "label": "pab246",
        "is_baseline": False,
        "activation": {**asdict(OWN), "frames": 60},
        "one_rank": {"seconds": 97.51, "method_seconds": 71.25, "serial": 0.0, "gain": 1.3686},
        "links": {"within": asdict(LINKS["nvlink"]), "per_node": 8},
        "ranks": ranks,
        "ways": [{"method": m, "split": s, "rows": rows(m)} for m, s in WAYS],
        "bandwidths": {
            "ranks": 8,
            "gb_s": [10, 100],
            "ways": [{"method": m, "split": s, "rows": [gains, gains]} for m, s in WAYS],
        },
        "assumptions": ["computing divides perfectly", "one rank takes 97.51 s (given)"],
        **changes,
    }


def write(path: Path, points: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"points": points}))
    return path


def test_facts_of_table_4_and_figure_1() -> None:
    assert [row.name for row in table(4).rows[::2]] == ["one_gpu", "megatron_sp", "ulysses", "dsp"]
    for row in figure1().rows:
        one, eight = row.cells["one_gpu_s"].value, row.cells["eight_gpus_s"].value
        # 97.5 / 9.2 is 10.6, which the first version prints.
        assert one / eight == pytest.approx(row.cells["speedup"].value, abs=0.11)
    for published in (table(4), figure1()):
        for row in published.rows:
            assert all(set(c.sources) <= set(published.sources) for c in row.cells.values())


def test_table_4_stands_beside_ours() -> None:
    frame = table4_frame(COSTS).set_index(["method", "plan"])
    assert len(frame) == 6
    apart = (frame["ours_g"] - frame["printed_g"]).abs()
    assert apart.drop(("megatron_sp", "pab246")).max() < 0.005
    assert apart["megatron_sp", "pab246"] == pytest.approx(0.0056, abs=0.0001)
    assert round(frame.loc[("dsp", "none"), "sent_g"], 2) == 21.57


@pytest.mark.parametrize(
    "changes",
    [
        {"size": [102, 480, 854]},
        {"convention": {"name": "transformer", "traffic": "sent"}},
        {"steps": 20},
        {"communication": {"ranks": 8, "reason": "unknown"}},
        {"method": "fora"},
        {"communication": None},
    ],
)
def test_other_volumes_are_not_compared(changes: dict[str, Any]) -> None:
    with pytest.raises(NothingToShow, match="sweeps=table4"):
        table4_frame([cost("none", 30, **changes)])


def test_figure_of_table_4_tells_both_readings() -> None:
    figure = table4(table4_frame(COSTS))
    volumes = figure.axes[0]
    marks = next(line for line in volumes.lines if line.get_label() == "printed")
    assert sorted(marks.get_xdata()) == [13.08, 23.08, 26.16, 46.16, 104.62, 184.63]
    under = figure.get_supxlabel()
    for said in ("another clip", "not bytes", "104.6256 is printed as 104.62", "26.26 s"):
        assert said in under.replace("\n", " ")


def test_timeline_shows_calls_without_all_to_alls() -> None:
    assert timeline_point(COSTS)["preset"] == "pab246"
    figure = communication_timeline(timeline_point(COSTS))
    bars = next(c for c in figure.axes[2].containers if c.get_label() == "all-to-alls")
    heights = [bar.get_height() for bar in bars]
    assert [height > 0 for height in heights] == [True] * 17 + [False] * 13
    sent = COSTS[1]["communication"]["ways"][0]["with_plan"]["sent"]
    assert sum(heights) == pytest.approx(sent / 1e9)
    with pytest.raises(NothingToShow, match="no cost of a plan that reuses"):
        timeline_point(COSTS[:1])


@pytest.mark.parametrize("name", list(scaling_figures()))
def test_every_figure_tells_what_it_rests_on(name: str) -> None:
    draw = scaling_figures()[name]
    other = prediction(model="latte", assumptions=["computing divides perfectly", "one rank: 3 s"])
    under = draw([prediction(), other]).get_supxlabel().replace("\n", " ")
    if name == "bytes_per_call":
        assert "nothing is assumed of time" in under
    else:
        assert "Assumed: computing divides perfectly." in under
        assert "latte, 60 latent frames, pab246: one rank: 3 s." in under
    with pytest.raises(NothingToShow):
        draw([prediction(is_baseline=True)])


def test_what_is_left_out_is_told() -> None:
    points = [prediction(label=f"pab{n}") for n in range(5)]
    assert len(with_reuse([*points, points[0]])) == 5
    for draw in scaling_figures().values():
        assert "Shown: the first 3 of 5 points." in draw(points).get_supxlabel()


def test_printed_points_need_the_same_seconds_on_one_gpu() -> None:
    found = published_beside(prediction())
    assert [(b.item, b.printed) for b in found] == [
        ("table 4", 17.17),
        ("table 4", 14.78),
        ("table 4", 12.34),
        ("table 4", 9.85),
        ("table 4", 12.01),
        ("table 4", 9.29),
        ("figure 1", 10.5),
    ]
    own = prediction()["one_rank"]
    assert published_beside(prediction(one_rank={**own, "seconds": 26.54})) == []
    others = published_beside(prediction(one_rank={**own, "method_seconds": 60}))
    assert {b.with_plan for b in others if b.item == "table 4"} == {False}
    assert published_beside(prediction(sampler="WanSampler")) == []
    assert published_beside(prediction(ranks=[1, 2])) == []


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scaling = write(tmp_path / "predictions" / "one" / "scaling.json", [prediction()])
    assert scaling_files(tmp_path) == [scaling]
    costs = write(tmp_path / "cost" / "table4.json", COSTS)
    assert main([str(costs), "--to", str(tmp_path / "out")]) == 0
    names = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert names == ["communication_timeline.png", "table4.png"]
    assert "predicted_speedup: no predictions" in capsys.readouterr().err
    scaling.write_text("{")
    assert main([str(scaling), "--to", str(tmp_path / "out")]) == 1
    assert "scaling.json" in capsys.readouterr().err


@pytest.mark.parametrize("points", [3, [1], [{"schema": 2}], [{"schema": 1}]])
def test_unknown_files_are_named(tmp_path: Path, points: Any) -> None:
    with pytest.raises(UnreadableRecord, match=r"scaling\.json"):
        read_scaling([write(tmp_path / "scaling.json", points)])
