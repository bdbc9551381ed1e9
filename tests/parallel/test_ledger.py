"""What was sent is held against what must be."""

from dataclasses import replace

import pytest

from pab_bench.parallel.ledger import check_recorded, rows_of
from pab_bench.parallel.recorder import Collective
from pab_bench.parallel.refused import CommunicationMismatch

BEFORE = Collective("all_to_all", "temporal.0.in", 2, (2, 3), 24)
AFTER = replace(BEFORE, where="temporal.0.out")


def test_what_was_predicted_passes():
    check_recorded([[BEFORE, AFTER], []], [[BEFORE, AFTER], []])


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        ([[BEFORE, AFTER]], "called 1 times, expected 2"),
        (
            [[BEFORE, AFTER], [BEFORE]],
            r"call 1 .*: all_to_all of \[2, 3\] among 2 at temporal.0.in .*says nothing",
        ),
        ([[BEFORE], []], "call 0 .*collective 1: nothing was issued, the plan says all_to_all"),
        ([[BEFORE, replace(AFTER, shape=(2, 4))], []], r"collective 1: all_to_all of \[2, 4\]"),
        ([[BEFORE, replace(AFTER, operation="all_gather")], []], "collective 1: all_gather"),
    ],
)
def test_anything_else_is_named(recorded, message):
    with pytest.raises(CommunicationMismatch, match=message):
        check_recorded(recorded, [[BEFORE, AFTER], []])


def test_rows_tell_call_and_lane():
    rows = rows_of([[BEFORE], [], [BEFORE, AFTER], [AFTER]], lanes=2)
    assert [(r["call"], r["lane"], r["position"], r["where"]) for r in rows] == [
        (0, 0, 0, "temporal.0.in"),
        (1, 0, 0, "temporal.0.in"),
        (1, 0, 1, "temporal.0.out"),
        (1, 1, 0, "temporal.0.out"),
    ]
    assert rows[0]["shape"] == "2x3"
    assert (rows[0]["local_bytes"], rows[0]["sent_bytes"]) == (48, 24)
