"""The W&B report is built and serialised without account or network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import synthetic

pytest.importorskip("wandb_workspaces")

from analysis.wandb_report import main


@pytest.fixture
def blocks(directory: Path) -> list[dict]:
    arguments = [str(directory), "--project", "p", "--entity", "e"]
    assert main(arguments) == 0
    content = json.loads((directory / "wandb_report.json").read_text())
    assert content["project"] == {"name": "p", "entityName": "e"}
    return content["spec"]["blocks"]


def test_prose_and_tables_are_the_sweep_s_own(blocks: list[dict]) -> None:
    text = json.dumps(blocks, ensure_ascii=False)
    assert "3 of 4 grid points of tiny are finished over spatial_gap." in text
    assert "S4 T4 C6 (2.000x, 29.00)" in text
    tables = [block["content"] for block in blocks if block["type"] == "markdown-block"]
    assert any("| S4 T4 C6 |" in table for table in tables)
    assert "lpips: no weights" in text


def test_run_sets_hold_exactly_the_points(blocks: list[dict]) -> None:
    grids = [block["metadata"] for block in blocks if block["type"] == "panel-grid"]
    wanted = [grid["runSets"][0]["filters"]["filters"][0]["value"] for grid in grids]
    points = [synthetic.point_id(gap) for gap in synthetic.GAPS]
    assert wanted == [points, [synthetic.BASELINE], points]


def test_panels(blocks: list[dict]) -> None:
    grids = [block["metadata"] for block in blocks if block["type"] == "panel-grid"]
    panels = [panel for grid in grids for panel in grid["panelBankSectionConfig"]["panels"]]
    kinds = {panel["viewType"] for panel in panels}
    assert {"Scatter Plot", "Bar Chart", "Run History Line Plot", "Media Browser"} <= kinds
    scatter = [p["config"] for p in panels if p["viewType"] == "Scatter Plot"]
    assert {entry["yAxis"] for entry in scatter} == {
        "summary:psnr_db",
        "summary:ssim",
        "summary:lpips",
    }
    media = [p["config"] for p in panels if p["viewType"] == "Media Browser"]
    assert "videos/001-1" in media[-1]["mediaKeys"]


def test_no_such_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "missing"), "--project", "p", "--entity", "e"]) == 1
    assert "no such folder" in capsys.readouterr().err
