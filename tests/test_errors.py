"""The first line of an error, also of one that says nothing."""

import doctest

import pytest

from pab_bench import errors
from pab_bench.errors import first_line


def test_the_example_holds():
    assert doctest.testmod(errors).attempted == 1
    assert doctest.testmod(errors).failed == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("\n\n  two \nthree"), "two"),
        (TimeoutError(), "TimeoutError"),
        (ConnectionResetError("\n"), "ConnectionResetError"),
    ],
)
def test_there_is_always_a_line(error, expected):
    assert first_line(error) == expected
