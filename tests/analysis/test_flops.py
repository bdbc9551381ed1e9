"""Predicted operations beside the paper's, from files as `task=cost json=FILE` writes them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.costs import PARTS, cost_files, published_flops, read_costs
from analysis.errors import NothingToShow, UnreadableRecord
from analysis.figures.flops import flops
from analysis.flops import main
from analysis.paper.facts import settings, table
from analysis.tables.flops import published_flops_table

LATTE = next(model for model in settings() if model.key == "latte_1")
ROWS = [
    row
    for row in table(1).rows
    if row.model == "latte_1" and (row.gaps is not None or row.name == "original")
]


def cost(number: int, **changes: Any) -> dict[str, Any]:
    """A point whose operations lie 0.1 % above those of row `number` of Latte's."""
    row = ROWS[number]
    operations = row.cells["flops_t"].value * 1e12 * 1.001
    rules: dict[str, Any] = dict.fromkeys(("spatial", "temporal", "cross"))
    if row.gaps is not None:
        rules |= {kind: {"gap": gap} for kind, gap in zip(rules, row.gaps, strict=True)}
    return {
        "schema": 1,
        "sampler": "LatteSampler",
        "size": [LATTE.frames, LATTE.height, LATTE.width],
        "steps": LATTE.steps,
        "rules": rules,
        "convention": {"name": "paper"},
        "text_tokens": 6,
        "flops_method": operations,
        "flops_ratio": operations / (ROWS[0].cells["flops_t"].value * 1e12 * 1.001),
        "flops_by_kind": {part: {"method": operations / len(PARTS)} for part in PARTS},
        **changes,
    }


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_every_row_stands_beside_its_own() -> None:
    frame = published_flops([cost(number) for number in (3, 0, 2, 1)])
    assert list(frame["row"]) == [row.name for row in ROWS]
    assert list(frame["gaps"]) == ["", "2/3/6", "3/4/7", "4/6/9"]
    assert (frame["ours_t"] / frame["paper_t"]).round(6).eq(1.001).all()
    assert (frame["ours_ratio"] - frame["paper_ratio"]).abs().max() < 1e-9
    assert (
        frame[[f"{part}_t" for part in PARTS]].sum(axis=1).sub(frame["ours_t"]).abs().max() < 1e-6
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"convention": {"name": "transformer"}},
        {"size": [16, 64, 64]},
        {"steps": 20},
        {"sampler": "ToySampler"},
        {"rules": {"spatial": {"gap": 9}, "temporal": None, "cross": None}},
    ],
)
def test_what_is_another_thing_is_not_compared(changes: dict[str, Any]) -> None:
    assert len(published_flops([cost(0), cost(1, **changes)])) == 1
    with pytest.raises(NothingToShow, match="sweeps=paper_flops"):
        published_flops([cost(1, **changes)])


def test_table() -> None:
    made = published_flops_table([cost(0), cost(1)])
    text = made.document.markdown()
    assert "2/3/6" in text
    assert "+2.767" in text  # 0.1 % of 2767.22
    assert "6 for Latte-1" in text
    frame = pd.read_csv(io.StringIO(made.csv))
    assert frame["ratio_difference_percent"].abs().max() < 1e-9
    assert frame["difference_t"].tolist() == pytest.approx([3.43947, 2.76722])


def test_figure_marks_what_was_printed() -> None:
    figure = flops(published_flops([cost(0), cost(1)]))
    (axes,) = figure.axes
    marks = next(line for line in axes.lines if line.get_label() == "printed")
    assert list(marks.get_xdata()) == [row.cells["flops_t"].value for row in ROWS[:2]]
    ends = [bar.get_x() + bar.get_width() for bar in axes.containers[-1]]
    assert ends == pytest.approx([3439.47 * 1.001, 2767.22 * 1.001])


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write(tmp_path / "cost" / "one.json", cost(0))
    write(tmp_path / "cost" / "grid.json", {"points": [cost(1), cost(2)]})
    assert len(read_costs(cost_files(tmp_path))) == 3
    files = [str(path) for path in cost_files(tmp_path)]
    assert main([*files, "--to", str(tmp_path / "out")]) == 0
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.*"))
    assert names == ["flops.csv", "flops.md", "flops.pdf", "flops.png", "flops.tex"]
    assert "3/4/7" in capsys.readouterr().out
    one.write_text("{")
    assert main([str(one), "--to", str(tmp_path / "out")]) == 1
    assert "one.json" in capsys.readouterr().err


@pytest.mark.parametrize("content", [{"schema": 2}, {"points": [3]}, [1]])
def test_unknown_files_are_named(tmp_path: Path, content: Any) -> None:
    with pytest.raises(UnreadableRecord, match=r"strange\.json"):
        read_costs([write(tmp_path / "strange.json", content)])


def test_other_methods_stand_beside_the_row_that_they_were_printed_in() -> None:
    none: dict[str, Any] = {"rules": {"spatial": None, "temporal": None, "cross": None}}
    printed = next(r for r in table(1).rows if r.model == "latte_1" and r.name == "t_gate")
    operations = printed.cells["flops_t"].value * 1e12
    points = [
        cost(0),
        cost(0, **none, method="tgate_pab", flops_method=operations, text_tokens=12),
        cost(0, **none, method="tgate", flops_method=2e15),
        cost(0, **none, method="fora", flops_method=1e15),
    ]
    frame = published_flops(points)
    assert list(frame["row"]) == ["original", "t_gate", "t_gate"]
    assert list(frame["setting"]) == ["", "of PAB's experiments", "of the method's authors"]
    assert frame["ours_t"].tolist()[1:] == [3059.02, 2000]
    assert frame["paper_t"].tolist()[:2] == [3439.47, 3059.02]
    assert pd.isna(frame["paper_t"][2])
    text = published_flops_table(points).document.markdown()
    assert "of PAB's experiments" in text
    assert "another prompt (12 for Latte-1)" in text
    assert "a prompt (6 for Latte-1)" in text
    assert len(flops(frame).axes) == 1
