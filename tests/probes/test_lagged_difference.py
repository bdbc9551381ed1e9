import math

import pytest
import torch
from engine.toy import shown
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.kinds import CROSS, SPATIAL
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.probes.lagged_difference import LaggedDifference, held_bytes, stride

CALLS = 7
TIMES = tuple(range(900, 900 - 100 * CALLS, -100))


def video(seed=0, dtype=torch.float32, shape=(2, 5, 8)):
    """Outputs before the gate, gates, and outputs after it, of one site."""
    torch.manual_seed(seed)
    outputs = [torch.randn(shape).to(dtype) for _ in TIMES]
    gates = [torch.randn(shape[0], 1, shape[2]).to(dtype) for _ in TIMES]
    return [(output, gate, gate * output) for output, gate in zip(outputs, gates, strict=True)]


def recorded(recorder, tensors, group=SPATIAL, block=0):
    for call, (output, gate, gated) in enumerate(tensors):
        recorder.observe(shown(group, block, call, output, gate, gated))
    return {(row["call"], row["lag"]): row for row in recorder.rows(TIMES)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lag_one_is_the_attention_difference_of_the_gated_output(dtype):
    tensors = video(dtype=dtype)
    rows = recorded(LaggedDifference(lags=3), tensors)
    paper = AttentionDifference()
    for call, (output, gate, gated) in enumerate(tensors):
        paper.observe(shown(SPATIAL, 0, call, output, gate, gated))
    for row in paper.rows(TIMES):
        if row["tensor"] == "gated":
            own = rows[row["step"], 1]
            assert own["mse"] == pytest.approx(row["mse"], rel=1e-5)
            assert own["energy"] == pytest.approx(row["energy"], rel=1e-5)


def test_every_lag_is_that_of_its_definition():
    tensors = video()
    rows = recorded(LaggedDifference(lags=4), tensors)
    assert set(rows) == {(call, lag) for call in range(CALLS) for lag in range(1, min(call, 4) + 1)}
    for (call, lag), row in rows.items():
        expected = ((tensors[call][2] - tensors[call - lag][2]) ** 2).mean()
        assert row["mse"] == pytest.approx(float(expected), rel=1e-5)
        assert row["timestep"] == TIMES[call]
        assert row["elements"] == 80


def test_ungated_reuse_goes_through_the_new_gate():
    tensors = video()
    rows = recorded(LaggedDifference(lags=2, ungated=True), tensors)
    for (call, lag), row in rows.items():
        expected = tensors[call][1] * (tensors[call][0] - tensors[call - lag][0])
        assert row["mse"] == pytest.approx(float((expected**2).mean()), rel=1e-4)


def test_without_a_gate_both_are_the_same():
    tensors = [(output, None, output) for output, _, _ in video()]
    assert recorded(LaggedDifference(2), tensors) == recorded(
        LaggedDifference(2, ungated=True), tensors
    )


def test_a_sample_is_near_the_whole_and_memory_is_bounded():
    tensors = video(shape=(2, 64, 96))
    whole, part = LaggedDifference(lags=5), LaggedDifference(lags=5, elements=1000)
    all_rows, some_rows = recorded(whole, tensors), recorded(part, tensors)
    for key, row in all_rows.items():
        assert some_rows[key]["mse"] == pytest.approx(row["mse"], rel=0.2)
        assert some_rows[key]["mse"] != row["mse"]
    assert part.kept_bytes <= 5 * 1000 * 4
    assert part.kept_bytes == held_bytes([2 * 64 * 96], 5, 1000)
    assert whole.kept_bytes == held_bytes([2 * 64 * 96], 5, whole.elements) == 5 * 2 * 64 * 96 * 4


def test_sites_and_videos_do_not_mix():
    recorder = LaggedDifference(lags=2)
    first = recorded(recorder, video(seed=1), CROSS, 3)
    recorder.start_video()
    assert recorder.rows(TIMES) == []
    assert recorder.kept_bytes == 0
    recorded(recorder, video(seed=2))
    both = [recorder.rows(TIMES), recorded(LaggedDifference(lags=2), video(seed=2)).values()]
    assert both[0] == list(both[1])
    assert {row["block"] for row in first.values()} == {3}
    assert {(row["kind"], row["branch"]) for row in first.values()} == {("cross", "spatial")}


def test_what_is_kept_does_not_change_with_the_module():
    recorder = LaggedDifference(lags=1)
    output = torch.ones(4)
    recorder.observe(shown(CROSS, 0, 0, output, None, output))
    output += 2
    recorder.observe(shown(CROSS, 0, 1, output, None, output))
    (row,) = recorder.rows(TIMES)
    assert row["mse"] == 4.0


@given(st.integers(1, 10**7), st.integers(1, 10**5))
def test_strides_leave_no_channel_out(total, elements):
    step = stride(total, elements)
    assert -(-total // step) <= elements
    assert math.gcd(step, total) == 1
    if total <= elements:
        assert step == 1


@pytest.mark.parametrize("given", [{"lags": 0}, {"elements": 0}])
def test_impossible_sizes_are_refused(given):
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        LaggedDifference(**given)


def test_a_site_keeps_its_size():
    recorder = LaggedDifference()
    recorder.observe(shown(CROSS, 0, 0, torch.ones(4), None, torch.ones(4)))
    with pytest.raises(ValueError, match="cross, block 0"):
        recorder.observe(shown(CROSS, 0, 1, torch.ones(5), None, torch.ones(5)))
