"""Reference results: what is there is copied, what is not is named."""

from __future__ import annotations

from pathlib import Path

import grids
import pytest
import synthetic

from analysis import reference
from analysis.figures import catalog


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose only sweep is `gap`, twice; of its figures only one is made."""
    sweep = synthetic.write_store(tmp_path / "results")
    (tmp_path / "results" / "gap" / "2025-12-31").mkdir(parents=True)
    sweep.rename(tmp_path / "results" / "gap" / sweep.name)
    real = catalog.drawings
    monkeypatch.setattr(
        catalog, "drawings", lambda data: [d for d in real(data) if d.name == "quality"]
    )
    return tmp_path / "results"


def test_the_newest_sweep_is_copied_and_the_rest_is_named(results: Path, tmp_path: Path) -> None:
    missing = reference.refresh(results, tmp_path / "to")
    copied = {path.name for path in (tmp_path / "to" / "gap").iterdir()}
    assert copied == {"quality.png", "summary.csv", "summary.md", "segments.md", "differences.md"}
    assert missing["presets"] == "no such sweep in the results"
    assert missing["gap: figures/contact_sheet"] == "could not be made"
    # No videos.
    kinds = {path.suffix for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert kinds == {".png", ".md", ".csv"}
    assert sum(path.stat().st_size for path in (tmp_path / "to").rglob("*")) < 2_000_000


def test_the_command_says_what_is_missing(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--results", str(results), "--to", str(tmp_path / "to")]
    assert reference.main(arguments) == 1
    shown = capsys.readouterr().out
    assert "components: no such sweep in the results" in shown
    assert "gap_by_kind: no kind was swept alone over several gaps" in shown


def test_sweeps_of_one_kind_each_are_shown_together(tmp_path: Path) -> None:
    alone = [
        ({kind: grids.rule(gap)}, "output") for kind in ("spatial", "cross") for gap in (2, 3, 4)
    ]
    grids.write_sweep(tmp_path / "results", alone)
    assert reference.together(tmp_path / "results", tmp_path / "to") is None
    assert (tmp_path / "to" / "gap_by_kind" / "gap_by_kind.png").is_file()
    text = (tmp_path / "to" / "gap_by_kind" / "gap_by_kind.md").read_text()
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")][1:]
    kinds = [(kind.strip(), int(gap)) for kind, gap in rows]
    assert kinds == [(kind, gap) for kind in ("Spatial", "Cross") for gap in (2, 3, 4)]
    quality = {float(line.split("|")[4].split()[0]) for line in text.splitlines()[2:8]}
    assert len(quality) == 6
