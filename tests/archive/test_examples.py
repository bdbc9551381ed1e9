"""The examples in docstrings hold."""

import doctest

import pytest

from pab_bench.archive import blocks, names, origin, texts
from pab_bench.cite import references
from pab_bench.files import digests
from pab_bench.leaderboard import budgets
from pab_bench.reproduce import numbers


@pytest.mark.parametrize(
    "module",
    [blocks, names, origin, texts, references, digests, budgets, numbers],
    ids=lambda module: module.__name__,
)
def test_they_do(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
