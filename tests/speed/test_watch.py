"""What is seen of the machine while calls are timed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from pab_bench.speed import watch
from pab_bench.speed.clocks import Mark, ProcessClock, WallClock, first_clock
from pab_bench.speed.watch import Watch


def test_this_machine():
    seen = Watch("cpu")
    start, own = time.perf_counter(), time.process_time()
    while time.process_time() < own + 0.05:
        pass
    readings = seen.look()
    wall = time.perf_counter() - start
    assert 0.045 / wall <= readings["own"] <= (os.cpu_count() or 1) * 1.1
    expected = {"own"}
    if hasattr(os, "getloadavg"):
        expected.add("load")
        assert readings["load"] >= 0
    if Path("/proc/stat").exists():
        expected.add("others")
        assert 0 <= readings["others"] <= (os.cpu_count() or 1) * 1.5
    if "cpu MHz" in (watch._text(Path("/proc/cpuinfo"))):
        expected.add("mhz")
        assert 100 < readings["mhz"] < 10_000
    assert set(readings) == expected


def test_readings_are_of_the_time_since_the_last_look(monkeypatch, tmp_path):
    ticks = os.sysconf("SC_CLK_TCK")
    monkeypatch.setattr(watch, "_CPU_TIMES", tmp_path / "stat")
    monkeypatch.setattr(watch, "_CPU_INFORMATION", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("processor : 0\ncpu MHz\t\t: 1000.0\ncpu MHz : 3000.5\n")
    now = SimpleNamespace(wall=100.0, own=7.0)
    monkeypatch.setattr(
        watch,
        "time",
        SimpleNamespace(perf_counter=lambda: now.wall, process_time=lambda: now.own),
    )

    def passes(wall, own, *fields):
        now.wall, now.own = now.wall + wall, now.own + own
        # user nice system idle iowait irq softirq steal guest guest_nice
        counts = [7 * ticks + field * ticks for field in fields]
        text = "cpu  " + " ".join(map(str, counts)) + "\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
        (tmp_path / "stat").write_text(text)

    passes(0, 0, *[0] * 10)
    seen = Watch("cpu")
    # Of 4 seconds, 2 were ours; all were busy for 2 + 1 + 3 + 1 + 1 + 2 = 10 on some processor.
    passes(4, 2, 2, 1, 3, 50, 60, 1, 1, 2, 70, 80)
    first = seen.look()
    assert (first["own"], first["others"], first["mhz"]) == (0.5, 2.0, 2000.25)
    passes(2, 2, 4, 1, 3, 50, 60, 1, 1, 2, 70, 80)
    second = seen.look()
    assert (second["own"], second["others"]) == (1.0, 0.0)


@pytest.mark.parametrize("content", [None, "", "intr 1 2 3\n"])
def test_what_a_machine_does_not_give_is_left_out(monkeypatch, tmp_path, content):
    for name in ("_CPU_TIMES", "_CPU_INFORMATION"):
        monkeypatch.setattr(watch, name, tmp_path / name)
        if content is not None:
            (tmp_path / name).write_text(content)
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert set(Watch("cpu").look()) == {"own"}


def test_without_nvidias_library_a_gpu_gives_nothing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    assert not any(name.startswith("gpu") for name in Watch("cuda:0").look())


@pytest.mark.parametrize(
    ("ran", "disturbed"), [(1.0, False), (0.98, False), (0.96, True), (0.0, True)]
)
def test_a_call_is_disturbed_if_its_thread_was_not_running(ran, disturbed):
    start, end = Mark(5.0, 5.0, 1.0), Mark(7.0, 7.0, 1.0 + 2 * ran)
    assert WallClock("cpu").disturbed(start, end) == disturbed
    # Who waits for a device does not run, and processor time is nobody else's.
    assert not WallClock("mps").disturbed(start, end)
    assert not ProcessClock().disturbed(start, end)


def test_clocks_measure_what_they_say():
    wall, process = first_clock("cpu"), ProcessClock()
    assert (wall.name, process.name) == ("wall", "cpu")
    starts = wall.mark(), process.mark()
    time.sleep(0.05)
    slept = wall.mark(), process.mark()
    assert 0.05 <= wall.seconds(starts[0], slept[0]) < 5
    assert wall.disturbed(starts[0], slept[0])
    assert process.seconds(starts[1], slept[1]) < 0.04
    began = time.process_time()
    while time.process_time() < began + 0.02:
        pass
    assert process.seconds(slept[1], process.mark()) >= 0.02
