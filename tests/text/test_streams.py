"""A program goes on when nobody reads what it prints, and says so when that is lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pab_bench.text.streams import lost, open_streams
open_streams()
for number in range(3):
    print("line", number, "\\u2191 \\u4e00")
    print("told", file=sys.stderr)
open("made", "w").write(str(lost()))
sys.exit(3)
"""


def run(tmp_path, shell, **environment):
    done = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    return done, (tmp_path / "made").read_text()


@pytest.mark.parametrize("shell", ['"$@" >&-', '"$@" >&- 2>&-', '"$@" 2>&- >/dev/null'])
def test_closed_before_the_start(shell, tmp_path):
    done, lost = run(tmp_path, shell)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    assert lost == "None"


def test_the_reader_goes(tmp_path):
    done, lost = run(tmp_path, '("$@"; echo $? > status) | true')
    assert (tmp_path / "status").read_text() == "3\n"
    assert b"Error" not in done.stderr
    assert lost == "None"


def test_the_disk_is_full(tmp_path):
    done, lost = run(tmp_path, '"$@" > /dev/full')
    assert done.returncode == 3
    assert lost == "No space left on device"
    assert done.stderr == b"told\n" * 3


def test_signs_that_the_encoding_does_not_have(tmp_path):
    done, _ = run(tmp_path, '"$@"', PYTHONIOENCODING="cp1252")
    assert done.returncode == 3
    assert done.stdout.startswith(b"line 0 ? ?\n")
