"""conf/metrics: the files and the code say the same."""

from pathlib import Path

import pytest
import yaml

from pab_bench.compare.command import metric_names
from pab_bench.metrics import METRICS
from pab_bench.metrics.registry import DEFAULT

GROUPS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))["names"]
    for path in (Path(__file__).parents[2] / "conf" / "metrics").glob("*.yaml")
}


@pytest.mark.parametrize("group", GROUPS)
def test_names_are_known_and_come_once(group):
    names = GROUPS[group]
    assert set(names) <= set(METRICS)
    assert len(set(names)) == len(names)


def test_default_is_that_of_the_compare_command():
    assert GROUPS["default"] == list(DEFAULT)


def test_default_needs_no_weights():
    assert not any(METRICS[name].weights for name in GROUPS["default"])


def test_full_is_everything_on_the_frames_themselves():
    # The error of the PSNR comes with it.
    assert {*GROUPS["full"], "mse"} == set(metric_names(["full"], None))
