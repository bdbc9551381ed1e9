"""What killed processes have left half written goes, and what living ones write stays."""

import os
import subprocess
import sys
import time

import pytest

from pab_bench.files import write_bytes
from pab_bench.files.writer import STALE_AFTER_S, is_left, temporary_name
from pab_bench.store.leftovers import clean
from pab_bench.store.points import Store

RUN = "sweep/2026-01-02_03-04-05-678901"
PLACES = (
    "",
    "points",
    "tapes/0123456789abcdef0123",
    "claims/latte_mini-0123456789abcdef0123",
    "advice/latte_mini-01234567",
    "lags",
    "wandb/sent",
    "analysis",
    "analysis/figures",
    RUN,
    f"{RUN}/tables",
    f"{RUN}/figures",
    f"{RUN}/12",
)
OF_BEFORE = (
    ".report.html.4194305.tmp",
    ".weights_digests.json-ab_c12d3",
    ".0123.safetensors-ab_c12d3",
    ".0123456789abcdef0123-ab_c12d3",
    ".old-0123456789abcdef0123-ab_c12d3",
)
NOT_OURS = ("report.html", ".hidden", ".cache-settings", ".gitignore", ".locks", ".tried")


def another(code="pass"):
    """The name that a process gives to what it writes; the process is gone."""
    program = f"from pab_bench.files.writer import temporary_name as name; print(name('x')); {code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stdout.strip()


def test_what_a_process_that_is_gone_was_writing_is_removed_everywhere(tmp_path):
    name = another()
    for place in PLACES:
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / name).touch()
        (tmp_path / place / temporary_name("mine")).touch()
        for other in NOT_OURS:
            (tmp_path / place / other).touch()
    folder = tmp_path / "points" / another()
    (folder / "videos").mkdir(parents=True)
    removed = clean(tmp_path)
    assert sorted(removed) == sorted([*(tmp_path / place / name for place in PLACES), folder])
    for place in PLACES:
        left = {path.name for path in (tmp_path / place).iterdir() if path.is_file()}
        assert left >= set(NOT_OURS)
        assert len(left - set(NOT_OURS)) == 1  # What this process writes.


@pytest.mark.parametrize("name", [*OF_BEFORE, ".x.00000000-1-1-00000000.tmp"])
def test_without_an_owner_that_can_be_looked_for_it_is_a_matter_of_age(tmp_path, name):
    path = tmp_path / name
    path.touch()
    assert clean(tmp_path) == []
    old = time.time() - STALE_AFTER_S - 60
    os.utime(path, (old, old))
    assert clean(tmp_path) == [path]


def test_a_folder_is_as_old_as_the_newest_in_it(tmp_path):
    folder = tmp_path / OF_BEFORE[3]
    (folder / "videos").mkdir(parents=True)
    (folder / "videos" / "000-0.mp4").touch()
    old = time.time() - STALE_AFTER_S - 60
    os.utime(folder / "videos", (old, old))
    os.utime(folder, (old, old))
    assert not is_left(folder)


def test_a_process_with_a_number_that_was_another_ones_is_not_it(tmp_path):
    mine = tmp_path / temporary_name("x")
    machine, pid, started, random = mine.name.split(".")[-2].split("-")
    assert not is_left(mine)
    assert is_left(mine.with_name(f".x.{machine}-{pid}-{int(started) - 1}-{random}.tmp"))


def test_the_first_lock_of_a_process_cleans(tmp_path):
    path = tmp_path / another()
    path.touch()
    with Store(tmp_path).lock("abc"):
        assert not path.exists()


def test_a_long_name_can_be_written(tmp_path):
    assert write_bytes(tmp_path / ("x" * 250), b"1").read_bytes() == b"1"


def test_a_folder_in_the_way_is_kept(tmp_path, caplog):
    (tmp_path / "report.html" / "inside").mkdir(parents=True)
    write_bytes(tmp_path / "report.html", b"1")
    assert (tmp_path / "report.html").read_bytes() == b"1"
    assert (tmp_path / "report.html.in-the-way-1" / "inside").is_dir()
    assert "it is kept as report.html.in-the-way-1" in caplog.text
