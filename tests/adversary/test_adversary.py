"""Bad inputs are refused clearly, and odd but good ones are not: `bad/` and `good/` list them.

All of them are slow; a fixed sample, one of every kind, is not. The share that is clear is what
`python tests/adversary/summary.py` shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from adversary.case_files import Case, cases
from adversary.execution import Outcome, run
from adversary.judgement import faults

BAD, GOOD = cases("bad"), cases("good")
_QUICK = ("pab_bench", "pab_bench.compare", "pab_bench.export")


def sample() -> Iterator[Case]:
    """The middle one of every kind."""
    for _, group in groupby([*BAD, *GOOD], key=lambda case: (case.bad, case.kind)):
        quick = [case for case in group if case.program in _QUICK and not case.fresh]
        if quick:
            yield quick[len(quick) // 2]


def check(case: Case, folder: Path) -> None:
    outcome = run(case, folder)
    assert faults(case, outcome) == [], outcome.told[-2000:]


@pytest.mark.parametrize("case", sample(), ids=str)
def test_sample(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_inputs_are_refused(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", GOOD, ids=str)
def test_good_inputs_are_accepted(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_the_lists_are_long() -> None:
    assert len(BAD) >= 450
    assert len(GOOD) >= 60
    assert len({case.kind for case in BAD}) >= 12


CASE = Case("kind", "name", says=("steps=0", "at least 1"))
CLEAR = Outcome(2, "", "steps=0: must be at least 1\n", (), 0.1)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": None}, "hangs"),
        ({"status": 0}, "exit status 0 in place of 2"),
        ({"status": 1}, "exit status 1 in place of 2"),
        ({"told": "steps=0: wrong\n"}, "does not say 'at least 1'"),
        ({"told": CLEAR.told + "Traceback (most recent call last):\n  x\nKeyError\n"}, "traceback"),
        ({"told": CLEAR.told * 200}, "says too much"),
        ({"made": ("results", "results/points")}, "has written results, results/points"),
        ({"shown": "job 0"}, "shows something"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_judge_sees_faults(change: dict[str, object], fault: str) -> None:
    assert faults(CASE, CLEAR) == []
    (found, *_) = faults(CASE, replace(CLEAR, **change))
    assert fault in found


def test_what_hangs_is_stopped(tmp_path: Path) -> None:
    files = {"waits.py": "import time\ntime.sleep(600)\n"}
    outcome = run(Case("kind", "name", "waits", files=files, fresh=True, limit_s=1), tmp_path)
    assert outcome.status is None
    assert outcome.seconds < 10
