from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import synthetic
from made_builds import Built, contents_of
from rich.console import Console

from analysis.__main__ import main
from analysis.build import build
from analysis.figures import catalog
from analysis.figures.save import FORMATS

FIGURES = {
    "attention_blocks",
    "attention_difference",
    "attention_difference_timesteps",
    "attention_difference_gated",
    "attention_heatmap",
    "contact_sheet",
    "generation",
    "quality",
    "schedule",
    "speed",
    "trade_off",
}

INPUTS = {f"{job}/point.json" for job in range(4)}

NOT_IN_A_GAP_SWEEP = {
    "tables/table1",
    "tables/table2",
    "tables/table3",
    "tables/gap_by_kind",
    "tables/audit",
    "tables/flops",
    "figures/gap_by_kind",
    "figures/components",
    "figures/broadcast_object",
    "figures/threshold_map",
    "figures/block_map",
    "figures/cache_memory",
    "figures/runtime_breakdown",
    "figures/flops",
    "figures/table4",
    "figures/communication_timeline",
    "figures/predicted_speedup",
    "figures/speedup_parts",
    "figures/gain_by_bandwidth",
    "figures/frames_or_tokens",
    "figures/bytes_per_call",
    "figures/attention_pictures",
    "figures/decisions",
    "figures/rivals",
    "tables/rivals",
    "tables/rivals_agreement",
}


def test_everything_is_made(built: Built) -> None:
    result, made = built.result, set(built.contents)
    assert not result.failures
    assert set(result.skipped) == NOT_IN_A_GAP_SWEEP
    assert {f"figures/{name}.png" for name in FIGURES} < made
    assert {"summary.csv", "summary.parquet", "tables/segments.csv", "report.html"} < made
    assert not [name for name in made if name.endswith((".tmp", ".pdf"))]
    written = {str(path.relative_to(built.directory)) for path in result.written}
    assert written == made - INPUTS


def test_another_process_makes_the_same_whatever_the_notebook_draws_with(
    built: Built, directory: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "analysis", str(directory)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "MPLBACKEND": "module://not_here"},
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    made = contents_of(directory)
    # For a paper, there are PDFs beside what a run makes.
    assert set(made) - set(built.contents) == {f"figures/{name}.pdf" for name in FIGURES}
    assert built.contents == {name: made[name] for name in built.contents}


@pytest.mark.usefixtures("few")
def test_a_build_stays_the_same_in_both_formats(directory: Path) -> None:
    twice_the_same(directory, {"speed", "generation"})


@pytest.mark.slow
def test_every_figure_stays_the_same_in_both_formats(directory: Path) -> None:
    twice_the_same(directory, FIGURES)


def twice_the_same(directory: Path, figures: set[str]) -> None:
    assert not build(directory, formats=FORMATS).failures
    first = contents_of(directory)
    assert {f"figures/{name}.{form}" for name in figures for form in FORMATS} < set(first)
    build(directory, formats=FORMATS)
    assert contents_of(directory) == first
    # After a run, all but what nobody looks at before a paper is written.
    on_screen = build(directory)
    now = contents_of(directory)
    assert set(first) - set(now) == {f"figures/{name}.pdf" for name in figures}
    assert now == {name: first[name] for name in now}
    assert {str(path.relative_to(directory)) for path in on_screen.written} == set(now) - INPUTS


@pytest.mark.usefixtures("few")
def test_one_failing_figure_hides_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    build(directory)

    def broken(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(catalog, "speed", broken)
    with caplog.at_level(logging.WARNING):
        result = build(directory)
    assert result.failures == {"figures/speed": "RuntimeError: no ink"}
    assert "figures/speed could not be made: RuntimeError: no ink" in caplog.text
    assert not (directory / "figures" / "speed.png").exists()  # The old one is out of date.
    assert (directory / "figures" / "generation.png").exists()


@pytest.mark.usefixtures("few")
def test_half_finished(directory: Path) -> None:
    (directory / "4").mkdir()
    synthetic.write_pointer(directory, 5, 7)
    result = build(directory)
    assert not result.failures
    assert set(result.unfinished) == {4, 5}
    frame = pd.read_csv(directory / "summary.csv")
    assert list(frame["status"][4:]) == ["not finished", "not finished"]


@pytest.mark.usefixtures("few")
def test_nothing_finished_yet(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    result = build(tmp_path)
    assert not result.failures
    assert "figures/speed" in result.skipped
    assert (tmp_path / "summary.csv").exists()


@pytest.mark.usefixtures("few")
def test_a_baseline_of_another_machine_is_noted(directory: Path) -> None:
    record = synthetic.record(2)
    record["provenance"]["cpu"] = "Other CPU"
    synthetic.write_json(
        directory.parents[1] / "points" / synthetic.point_id(2) / "record.json", record
    )
    how, note = build(directory).notes
    assert how.startswith("speedups: from calls in turns")
    assert note.startswith("job 1: cpu differs")


@pytest.mark.usefixtures("few")
def test_command(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(directory, Console(width=500))
    told = capsys.readouterr().out
    assert f"figures as PDF: python -m analysis {directory}\n" in told
    assert not (directory / "figures" / "speed.pdf").exists()
    assert main([str(directory)]) == 0
    out = capsys.readouterr().out
    assert "S2 T2 C6" in out
    assert "figures as" not in out
    assert (directory / "figures" / "speed.pdf").read_bytes().startswith(b"%PDF")
    assert main([str(directory / "missing")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_no_heavy_imports() -> None:
    code = "import sys, analysis.build, analysis.figures.catalog, analysis.__main__\n"
    code += "print(sorted({'torch', 'hydra', 'matplotlib'} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"
