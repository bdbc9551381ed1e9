"""Whatever happens to a file: no wrong number, no traceback; made again, or named and left out."""

import pandas as pd
import pytest
from damage.conftest import COMMAND, contents_of, kept_of, summary_of
from damage.privileges import as_ordinary_user
from damage.ways import EVERY, KINDS

from analysis.load import load_sweep
from pab_bench.cli import main
from pab_bench.files import remove

SAMPLE = {
    "record": "one bit flipped",
    "frames": "other",
    "tape": "other",
    "weights": "[]",
    "pointer": "nested",
    "overrides": "5",
}
"""All at once, whenever tests are run; each kind in each way is slow."""


def test_a_sample(pristine, results, capfd):
    for kind, way in SAMPLE.items():
        KINDS[kind].damage(results, way)
    _check(pristine, results, capfd)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "way"), EVERY)
def test_what_is_damaged_is_left_out_and_made_again(pristine, results, kind, way, capfd):
    with as_ordinary_user():
        KINDS[kind].damage(results, way)
        _check(pristine, results, capfd, KINDS[kind].needs)


def _check(pristine, results, capfd, needs=None):
    """No wrong number in the analysis, and all numbers again after the same command."""
    _check_summary(summary_of(results), summary_of(pristine))
    found, right = contents_of(results), contents_of(pristine)
    assert found == {name: right[name] for name in found}
    stored = load_sweep(results)  # As `python -m analysis results` reads it.
    assert all(job.error for job in stored.jobs if job.status != "ok")
    for needed in results.glob(needs or "nothing"):
        remove(needed)
    capfd.readouterr()
    assert main([*COMMAND]) == 0
    shown = capfd.readouterr()
    assert "Traceback" not in shown.out + shown.err
    assert kept_of(results) == kept_of(pristine)
    _check_summary(summary_of(results, -1), summary_of(pristine))


def _check_summary(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Every number is the right one, or missing; a row without numbers says why."""
    assert list(found.index) == list(expected.index)
    left_out = found["status"] != "ok"
    assert found.loc[left_out, "error"].str.len().gt(0).all()
    assert found.loc[~left_out, "psnr_db"].notna().all()
    for column in found.columns.intersection(expected.columns).difference(["status", "error"]):
        for job in found.index:
            value, right = found.loc[job, column], expected.loc[job, column]
            assert pd.isna(value) or value == right, (column, job)


def test_exchanged_tapes_are_not_the_same(results):
    """What is exchanged differs, so that the test above can fail."""
    tapes = sorted(results.glob(KINDS["tape"].files))
    assert len(tapes) >= 6
    assert len({path.read_bytes() for path in tapes}) == len(tapes)
