"""Ranks meet and part."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("ranks_program.py")


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_no_thread_that_carried_a_message_outlives_the_ranks():
    """One that did could abort the process while Python was ending: exit status 134, rarely."""
    ranks = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    paths = f"{PROGRAM.parents[2]}{os.pathsep}{PROGRAM.parents[1]}"
    done = subprocess.run(
        [sys.executable, *ranks, str(PROGRAM)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    answers, during, after = done.stdout.splitlines()
    assert answers == "['answered by 0 of 2', 'answered by 1 of 2']"
    # The default group, which carries nothing, keeps its two.
    assert (during, after) == ("during 4", "after 2")
