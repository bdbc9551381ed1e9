from __future__ import annotations

import pandas as pd
import pytest

from analysis.errors import NothingToShow
from analysis.figures.job_axis import finished, job_axis, job_labels
from analysis.pareto import pareto_front


def rows(**columns: list[object]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    return frame.assign(job=range(len(frame)), status="ok")


def test_one_numeric_key_is_the_axis() -> None:
    axis = job_axis(rows(rules=["S2", "S4"], gap=[2, 4]), ["gap"])
    assert (axis.title, axis.positions, axis.numeric) == ("gap", (2.0, 4.0), True)


@pytest.mark.parametrize(
    ("swept", "labels"),
    [([], ("S2", "S4")), (["preset"], ("a", "b")), (["gap", "preset"], ("S2", "S4"))],
)
def test_labels_otherwise(swept: list[str], labels: tuple[str, str]) -> None:
    axis = job_axis(rows(rules=["S2", "S4"], gap=[2, 4], preset=["a", "b"]), swept)
    assert (axis.labels, axis.numeric) == (labels, False)


def test_what_is_left_out_is_named_as_such() -> None:
    table = rows(rules=["T4", "S2 T4"], without=["spatial", "nothing"])
    assert job_labels(table, ["without"]) == ("without spatial", "without nothing")


def test_jobs_with_names_that_are_too_long_go_by_number() -> None:
    table = rows(rules=["S2@100..800 T4@100..800 C7@80..900", "S2"])
    assert job_labels(table, []) == ("job 0", "job 1")


def test_labels_are_told_apart() -> None:
    table = rows(rules=["S2", "S2", "S4", "S4"], steps=[10, 20, 10, 10])
    assert job_labels(table, ["steps"]) == (
        "S2, steps=10",
        "S2, steps=20",
        "S4, job 2",
        "S4, job 3",
    )


def test_nothing_finished() -> None:
    with pytest.raises(NothingToShow):
        finished(rows(rules=["S2"]).assign(status="failed"))


def test_pareto_front() -> None:
    assert pareto_front([1, 2, 2, 3], [9, 5, 6, 1]) == [0, 2, 3]
    assert pareto_front([1, 2], [5, 5]) == [1]
    assert sorted(pareto_front([1, 1], [5, 5])) == [0, 1]
    assert pareto_front([], []) == []
