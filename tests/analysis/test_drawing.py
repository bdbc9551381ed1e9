from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from made_builds import Built

from analysis import drawing
from analysis.build import build
from analysis.data import SweepData
from analysis.figures.save import FORMATS, ON_SCREEN
from analysis.load import load_sweep
from analysis.products import Outcome


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process draws, too, however few jobs there are, on however many cores."""
    monkeypatch.setattr(drawing, "_WORTH_IT", 1)
    monkeypatch.setattr(drawing, "_cores", lambda: 2)


def pictures(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (directory / "figures").iterdir()}


def drawn_by_the_process_first(directory: Path) -> dict[str, Outcome]:
    work = drawing.Drawing(directory, SweepData(load_sweep(directory)), ON_SCREEN)
    for future in work._started:
        future.result()
    return work.finish()


@pytest.mark.usefixtures("few", "one_process")
def test_figures_are_the_same_wherever_they_are_drawn(
    directory: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = drawn_elsewhere_as_here(directory, built, monkeypatch)
    assert {name for name, own in outcomes.items() if own.written} == {
        "figures/speed",
        "figures/generation",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("one_process")
def test_every_figure_is_the_same_wherever_it_is_drawn(
    directory: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_elsewhere_as_here(directory, built, monkeypatch)
    assert set(pictures(directory)) == set(built.pictures)


def drawn_elsewhere_as_here(
    directory: Path, built: Built, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Outcome]:
    """Let a process draw all that there is, and compare it with what was drawn in this one."""
    first = drawing.Drawing._elsewhere
    drawn_there = []

    def waits(self: drawing.Drawing, folder: Path) -> None:
        first(self, folder)
        drawn_there.append(len(self._outcomes))

    monkeypatch.setattr(drawing.Drawing, "_elsewhere", waits)
    outcomes = drawn_by_the_process_first(directory)
    assert drawn_there == [len(outcomes)]
    elsewhere = pictures(directory)
    assert elsewhere == {name: built.pictures[name] for name in elsewhere}
    written = {path.name for outcome in outcomes.values() for path in outcome.written}
    assert written == set(elsewhere)
    skipped = {name for name, outcome in outcomes.items() if outcome.skipped}
    assert skipped == {name for name in built.result.skipped if name in outcomes}
    return outcomes


@pytest.mark.slow
def test_both_together(directory: Path, one_process: None) -> None:
    alone = subprocess.run(
        [sys.executable, "-m", "analysis", "-q", str(directory)], check=True, capture_output=True
    )
    assert not alone.stderr
    before = pictures(directory)
    assert {Path(name).suffix for name in before} == {".pdf", ".png"}
    result = build(directory, formats=FORMATS)
    assert not result.failures
    assert pictures(directory) == before


@pytest.mark.usefixtures("few", "one_process")
def test_what_a_killed_process_had_is_drawn_here(
    directory: Path,
    built: Built,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = subprocess.Popen

    def dies(command: list[str], **options: object) -> subprocess.Popen[str]:
        # It says that it is ready, takes a figure, and ends without an answer.
        code = "import sys; print(flush=True); sys.stdin.readline()"
        return real([command[0], "-c", code], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(drawing.subprocess, "Popen", dies)
    outcomes = drawn_by_the_process_first(directory)
    assert "a process that draws figures has ended" in caplog.text
    assert all(outcome.failure is None for outcome in outcomes.values())
    now = pictures(directory)
    assert set(now) == {"speed.png", "generation.png"}
    assert now == {name: built.pictures[name] for name in now}


@pytest.mark.parametrize("moment", ["before it is ready", "while it draws"])
def test_a_process_whose_parent_is_killed_ends_without_a_word(directory: Path, moment: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "analysis.drawing", str(directory), "png"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    if moment == "while it draws":
        process.stdout.readline()
        process.stdin.write("figures/generation\n")
        process.stdin.flush()
    # What the kernel does for a parent that is gone.
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(60)
