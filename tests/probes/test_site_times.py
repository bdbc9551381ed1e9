"""Where the time goes: by clocks that are told the time, and on the real one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import LatteTransformer3DModel
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer, sample

from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.probes.site_times import COLUMNS, PARTS, SiteTimes
from pab_bench.systems.latte.architecture import LatteArchitecture

GOLDEN = Path(__file__).parents[1] / "fixtures" / "latte" / "latte_tiny_pab.json"
TIMES = [900, 700, 500]


class CountingClock:
    """A second passes with every mark."""

    def __init__(self):
        self.now = 0

    def mark(self):
        self.now += 1
        return self.now

    def seconds(self, start, end):
        return float(end - start)


def test_every_site_counts_for_its_kind_and_the_rest_is_what_is_left(monkeypatch):
    monkeypatch.setattr("pab_bench.probes.site_times.clock_of", lambda device: CountingClock())
    times = SiteTimes("cpu")
    plan = make_plan(Rules(spatial=GapRule(True, (0, 1000), 2)), TIMES, 2, GROUPS)
    transformer = ToyTransformer()
    with Engine(ToyArchitecture(transformer), plan, probe=times):
        sample(transformer, TIMES)
    # A call is marked 2 times, each of its 10 sites 2 times: 21 seconds pass within it, one in
    # each site. The toy has no attention functions inside its sites.
    for row in times.rows():
        assert row == {
            "spatial_s": 2.0,
            "temporal_s": 2.0,
            "cross_s": 2.0,
            "mlp_s": 4.0,
            "attention_s": 0.0,
            "around_attention_s": 6.0,
            "rest_s": 11.0,
            "transformer_s": 21.0,
        }
    assert len(times.rows()) == len(TIMES)


def test_two_lanes_are_one_step(monkeypatch):
    monkeypatch.setattr("pab_bench.probes.site_times.clock_of", lambda device: CountingClock())
    times = SiteTimes("cpu")
    plan = make_plan(Rules(), TIMES, 2, GROUPS)
    transformer = ToyTransformer()
    with Engine(ToyArchitecture(transformer), plan, lanes=2, probe=times), torch.no_grad():
        for timestep in TIMES:
            for _ in range(2):
                transformer(torch.zeros(2, 4), torch.tensor([timestep, timestep]))
    assert [row["transformer_s"] for row in times.rows()] == [42.0] * 3


@pytest.fixture
def latte():
    torch.manual_seed(0)
    kwargs = json.loads(GOLDEN.read_text())["constructor_kwargs"]
    return LatteTransformer3DModel(**kwargs).eval()


@torch.no_grad()
def call(latte, timestep):
    generator = torch.Generator().manual_seed(timestep)
    return latte(
        torch.randn(2, 4, 16, 8, 8, generator=generator),
        timestep=torch.tensor([timestep, timestep]),
        encoder_hidden_states=torch.randn(2, 7, 32, generator=generator),
        return_dict=False,
    )[0]


@pytest.mark.parametrize("broadcast_object", ["output", "scores"])
def test_parts_of_a_real_transformer(latte, broadcast_object):
    architecture = LatteArchitecture(latte)
    rules = Rules(*(GapRule(True, (0, 1000), 2) for _ in range(5)))
    plan = make_plan(rules, TIMES, architecture.depth, architecture.groups)
    times = SiteTimes("cpu")
    with Engine(architecture, plan, broadcast_object, probe=times) as engine:
        probed = [call(latte, timestep) for timestep in TIMES]
    engine.ledger.check(plan)
    with Engine(architecture, plan, broadcast_object):
        assert all(torch.equal(a, call(latte, t)) for a, t in zip(probed, TIMES, strict=True))
    computed, reused, _ = times.rows()
    for row in (computed, reused):
        assert tuple(row) == COLUMNS
        assert row["transformer_s"] == pytest.approx(sum(row[f"{part}_s"] for part in PARTS))
        kinds = sum(row[f"{kind}_s"] for kind in ("spatial", "temporal", "cross", "mlp"))
        assert row["transformer_s"] == pytest.approx(kinds + row["rest_s"])
        assert all(seconds >= 0 for seconds in row.values())
    assert computed["attention_s"] > 0
    # Old outputs need no attention; old scores still meet new values.
    assert (reused["attention_s"] > 0) == (broadcast_object == "scores")
    assert reused["mlp_s"] < computed["mlp_s"]


def test_what_cannot_be_looked_into_is_missing(latte):
    architecture = LatteArchitecture(latte)
    plan = make_plan(Rules(), TIMES[:1], architecture.depth, architecture.groups)
    times = SiteTimes("cpu", inside=False)
    with Engine(architecture, plan, probe=times):
        call(latte, TIMES[0])
    (row,) = times.rows()
    assert set(COLUMNS) - set(row) == {"attention_s", "around_attention_s"}


@pytest.mark.gpu
def test_events_measure_the_gpu():
    from pab_bench.probes.clock import CudaClock

    clock = CudaClock("cuda")
    x = torch.randn(4096, 4096, device="cuda")
    start = clock.mark()
    for _ in range(20):
        x = x @ x
    end = clock.mark()
    assert 1e-4 < clock.seconds(start, end) < 60
