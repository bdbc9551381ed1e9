import numpy as np
import pytest
import torch
from engine.toy import shown

from pab_bench.engine.kinds import CROSS, SPATIAL
from pab_bench.probes.attention_difference import AttentionDifference

TIMES = (900, 500, 100)


def by_hand(now, before):
    now, before = now.double().numpy().ravel(), before.double().numpy().ravel()
    return {
        "mse": ((now - before) ** 2).mean(),
        "relative_l1": np.abs(now - before).sum() / np.abs(before).sum(),
        "cosine": now @ before / np.linalg.norm(now) / np.linalg.norm(before),
        "energy": (now**2).mean(),
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_measures_are_those_of_their_definitions(dtype):
    torch.manual_seed(0)
    outputs = [torch.randn(2, 5, 8).to(dtype) for _ in TIMES]
    gates = torch.randn(3, 2, 1, 8).to(dtype)
    recorder = AttentionDifference()
    recorder.start_video()
    for call, (output, gate) in enumerate(zip(outputs, gates, strict=True)):
        recorder.observe(shown(SPATIAL, 1, call, output, gate, gate * output))
    rows = recorder.rows(TIMES)
    assert [(r["step"], r["timestep"], r["tensor"]) for r in rows] == [
        (1, 500, "ungated"),
        (1, 500, "gated"),
        (2, 100, "ungated"),
        (2, 100, "gated"),
    ]
    for row in rows:
        step = row["step"]
        now, before = outputs[step], outputs[step - 1]
        if row["tensor"] == "gated":
            now, before = gates[step] * now, gates[step - 1] * before
        expected = by_hand(now, before)
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_cross_attention_has_no_gate_and_equal_rows():
    recorder = AttentionDifference()
    for call in range(2):
        output = torch.full((3,), 1.0 + call)
        recorder.observe(shown(CROSS, 0, call, output, None, output))
    ungated, gated = recorder.rows(TIMES)
    assert (ungated.pop("tensor"), gated.pop("tensor")) == ("ungated", "gated")
    assert ungated == gated
    assert ungated["mse"] == 1.0


def test_a_site_of_another_size_begins_anew():
    recorder = AttentionDifference()
    for call, tokens in enumerate((4, 6, 6)):
        output = torch.full((1, tokens, 2), float(call))
        recorder.observe(shown(SPATIAL, 0, call, output, None, output))
    assert [(row["step"], row["mse"]) for row in recorder.rows(TIMES)] == [(2, 1.0), (2, 1.0)]


def test_blocks_and_videos_do_not_mix():
    recorder = AttentionDifference()
    recorder.observe(shown(SPATIAL, 0, 0, torch.ones(2), None, torch.ones(2)))
    recorder.observe(shown(SPATIAL, 1, 1, torch.zeros(2), None, torch.zeros(2)))
    assert recorder.rows(TIMES) == []
    recorder.start_video()
    recorder.observe(shown(SPATIAL, 0, 1, torch.zeros(2), None, torch.zeros(2)))
    assert recorder.rows(TIMES) == []
