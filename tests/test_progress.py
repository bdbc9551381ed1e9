import io
import json
import sys
import threading
import time

import pytest

from pab_bench import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_there_is_no_terminal(capsys, monkeypatch):
    moments = iter([0.0, 100.0, 110.0, 130.0, 131.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    with progress.shown(4):
        current = progress.current()
        current.step("prompt 0, seed 0", 1, 50)  # A step is no line.
        current.point("ok", cached=False)
        current.point("ok", cached=False)
        current.point("failed", cached=False)
        current.point("ok", cached=True)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 4 points done, about 5 min left",
        # The first has loaded the model, so the second says more about the rest.
        "2 of 4 points done, about 20 s left",
        "3 of 4 points done, 1 failed, about 15 s left",
        "4 of 4 points done, 1 failed",
    ]


def test_a_single_run_needs_no_count(capsys):
    with progress.shown(1):
        progress.current().point("ok", cached=False)
    assert capsys.readouterr().err == ""


def test_a_search_has_no_total(capsys):
    with progress.shown(None):
        progress.current().point("ok", cached=False)
    assert capsys.readouterr().err == "1 point done\n"


def test_nothing_is_shown_in_workers(capsys):
    progress.current().step("", 1, 2)
    progress.current().point("ok", cached=False)
    assert capsys.readouterr().err == ""


def test_jobs_in_other_processes_are_counted_by_what_they_leave(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "_LOOK_EVERY_S", 0.01)
    for number, status in enumerate(("ok", "failed", "reused_nothing")):
        (tmp_path / str(number)).mkdir()
        pointer = {"status": status, "cached": False}
        (tmp_path / str(number) / "point.json").write_text(json.dumps(pointer))
    threads = threading.active_count()
    with progress.shown(3, lambda: tmp_path.glob("*/point.json")):
        pass
    assert "3 of 3 points done, 1 failed" in capsys.readouterr().err
    assert threading.active_count() == threads


def test_bars_in_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown(3):
        progress.current().step("prompt 0, seed 7", 3, 50)
        print("a line of a log", file=sys.stderr)
        time.sleep(2 / progress._REFRESH_PER_S)
        progress.current().point("failed", cached=False)
    shown = terminal.getvalue()
    assert "prompt 0, seed 7" in shown
    assert "1/3" in shown
    assert "1 failed" in shown
    assert "a line of a log" in shown


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (99, "99 s"), (600, "10 min"), (36000, "10.0 h")]
)
def test_durations(seconds, text):
    assert progress.duration(seconds) == text
