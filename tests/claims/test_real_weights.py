"""On the MLP numbers that PAB's authors printed, the analysis says what is known of them.

They were recorded with attention broadcast on, so that only the steps outside its window can be
trusted: timesteps 540 to 940 of Open-Sora, 100 to 800 of Latte, both ends excluded. There
Open-Sora's difference falls from 0.85 to 0.013 and climbs again to 0.27, while Latte's is flat at
the start and climbs only at the end; blocks 24 to 27 of 28 are far above the others.
"""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pab_bench.claims.definition import Definition, curves_of, differences
from pab_bench.claims.dominance import dominance
from pab_bench.claims.stable_segment import stable_segment
from pab_bench.claims.u_shape import u_shape

FILE = Path(__file__).parents[1] / "fixtures" / "paper" / "mlp_mse_real_weights.json"
WINDOWS = {"open_sora_1_2": (540, 940), "latte": (100, 800)}
CALLS = {"open_sora_1_2": 30, "latte": 50}
LATE = (24, 25, 26, 27)


def trusted(model, branch):
    """The steps outside the window, as differences of the gated MLP outputs of one video."""
    recorded = json.loads(FILE.read_text())["curves"][model][f"{branch}_mlp"]
    values = np.array(recorded["mse"])
    times = recorded["timesteps"]
    assert values.shape == (len(times), recorded["blocks"])
    low, high = WINDOWS[model]
    table = [
        {"step": step, "timestep": time, "block": block, "mse": values[step - 1, block]}
        for step, time in enumerate(times, start=1)
        if not low < time < high
        for block in range(recorded["blocks"])
    ]
    place = {"prompt": 0, "seed": 0, "kind": "mlp", "branch": branch}
    missing = dict.fromkeys(("relative_l1", "cosine", "energy"), math.nan)
    both = [{**row, **place, **missing, "tensor": name} for row in table for name in NAMES]
    return differences(pd.DataFrame(both), Definition("mse", "gated"))


NAMES = ("gated",)


@pytest.mark.parametrize("branch", ["spatial", "temporal"])
def test_open_sora_has_both_arms(branch):
    rows = trusted("open_sora_1_2", branch)
    left, right, whole = u_shape(rows, CALLS["open_sora_1_2"], "mlp")
    assert math.exp(left.effect) > 5
    assert math.exp(right.effect) > 4
    assert whole.effect == min(left.effect, right.effect)
    # A single video is no evidence, however large the effect.
    assert {left.verdict, right.verdict, whole.verdict} == {"undecided"}
    assert left.reason == "n=1 seed, needs 4"
    found = stable_segment(rows, "mlp")
    assert found.details["left_log_ratio"] > math.log(5)
    assert found.details["right_log_ratio"] > math.log(3)
    if branch == "spatial":
        curve = curves_of(rows).iloc[:, 0]
        assert curve.iloc[0] == pytest.approx(0.85, abs=0.01)
        assert curve.iloc[5] == pytest.approx(0.013, abs=0.0005)
        assert curve.iloc[-5] == pytest.approx(0.019, abs=0.0005)
        assert curve.iloc[-1] == pytest.approx(0.27, abs=0.005)


@pytest.mark.parametrize("branch", ["spatial", "temporal"])
def test_latte_climbs_only_at_the_end(branch):
    rows = trusted("latte", branch)
    left, right, _ = u_shape(rows, CALLS["latte"], "mlp")
    assert math.exp(left.effect) < 1.5
    assert math.exp(right.effect) > 10
    found = stable_segment(rows, "mlp")
    assert found.details["left_log_ratio"] is None
    assert found.note == "it begins with the curve"
    assert found.details["right_log_ratio"] > math.log(3)
    assert found.effect == 0
    if branch == "spatial":
        start = curves_of(rows).iloc[:5, 0]
        assert start.between(0.002, 0.004).all()


@pytest.mark.parametrize("model", CALLS)
@pytest.mark.parametrize("branch", ["spatial", "temporal"])
def test_late_blocks_dominate(model, branch):
    rows = trusted(model, branch)
    found = dominance(rows, "mlp")
    assert sum(found.shares.values()) == pytest.approx(1)
    late = [f"mlp_{branch} {block}" for block in LATE]
    others = np.median([share for name, share in found.shares.items() if name not in late])
    decades = np.log10(np.mean([found.shares[name] for name in late]) / others)
    assert 0.5 < decades < 3
    assert len(found.half) <= 6  # Of 28.
    assert set(late) & set(found.half)
