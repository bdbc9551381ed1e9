from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import synthetic
from rich.console import Console

from analysis.points import Sweep
from analysis.tables.latex import escape
from analysis.tables.segments import write_segments
from analysis.tables.summary import render_terminal, write_summary


def test_files_hold_the_same_numbers(sweep: Sweep) -> None:
    written = write_summary(sweep)
    assert [path.name for path in written] == [
        "summary.csv",
        "summary.parquet",
        "summary.md",
        "summary.tex",
    ]
    parquet = pd.read_parquet(sweep.directory / "summary.parquet")
    csv = pd.read_csv(sweep.directory / "summary.csv", dtype={"point": str})
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False)


def test_markdown_has_reasons_and_provenance(sweep: Sweep) -> None:
    write_summary(sweep)
    text = (sweep.directory / "tables" / "summary.md").read_text(encoding="utf-8")
    assert "| S4 T4 C6 |" in text
    assert "LPIPS ↓" in text
    assert "job 2, lpips: no weights" in text
    assert "job 3 failed: ValueError" in text
    for fact in ("tiny (weights dddd", *synthetic.PROMPTS, "seeds: 0, 1", "steps: 20", "abc123"):
        assert fact in text
    assert "Test CPU, 1 threads" in text


def test_latex_is_escaped_booktabs(sweep: Sweep) -> None:
    write_summary(sweep)
    text = (sweep.directory / "tables" / "summary.tex").read_text(encoding="utf-8")
    assert r"\toprule" in text
    assert r"spatial\_gap" in text
    assert r"LPIPS $\downarrow$" in text
    assert r"28.7\%" in text
    assert escape("a_b 5% \\ ~") == r"a\_b 5\% \textbackslash{} \textasciitilde{}"


def test_segments_files(sweep: Sweep) -> None:
    csv, markdown = write_segments(sweep)
    frame = pd.read_csv(csv)
    assert set(frame["measure"]) == {"mse", "relative_l1", "mse_over_energy"}
    assert set(frame["tensor"]) == {"gated", "ungated"}
    assert "s/(S-1) <= 0.15" in Path(markdown).read_text(encoding="utf-8")


def test_terminal(sweep: Sweep) -> None:
    console = Console(file=io.StringIO(), width=80)
    render_terminal(sweep, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for part in ("S2 T2 C6", "28.7%", "1.25x", "35.00", "LPIPS ↓", "flicker ↑"):
        assert part in text
    assert "job 3 failed" in text
    assert "…" not in text
