"""Windows that few steps lie in."""

import pytest

from pab_bench.experiment.window_notices import window_notices
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules

FLOW = (1000, 938, 857, 750, 601, 376)
"""Noise levels of flow matching: half of the steps lie above 800."""


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (GapRule(True, (100, 800), 2), False),
        (GapRule(True, (100, 750), 2), True),
        (GapRule(True, (100, 750), 1), False),
        (GapRule(False, (100, 750), 2), False),
        (GapRule(True, (0, 100), 2), True),
    ],
)
def test_less_than_half_of_the_steps_is_told(rule, told):
    method = PyramidAttentionBroadcast(Rules(cross=rule))
    found = list(window_notices(method, FLOW))
    assert len(found) == told
    if told:
        assert found[0].startswith(f"cross_threshold=[{rule.threshold[0]},{rule.threshold[1]}]: ")
        assert found[0].endswith("of 6 steps lie between them; timesteps go from 1000 to 376")


def test_keys_have_no_window():
    keys = KeyRule((KeyTime(750, 2, frozenset({0})),))
    method = PyramidAttentionBroadcast(Rules(mlp_spatial=keys))
    assert list(window_notices(method, FLOW)) == []


def test_other_methods_have_none():
    assert list(window_notices(object(), FLOW)) == []
