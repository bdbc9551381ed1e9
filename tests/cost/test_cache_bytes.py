"""Predicted bytes are those that the engine measures, as allocated storage, in real runs."""

from __future__ import annotations

import pytest
import torch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.cost.cache_bytes import predict_cache
from pab_bench.cost.transformer_work import transformer_work
from pab_bench.engine.cache_options import CACHE_DTYPES, CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules

TIMES = tuple(range(900, 0, -100))
DEPTH = 2
ROWS = 3
gaps = st.builds(
    lambda gap, low, block: GapRule(True, (low, 950), gap, block),
    st.integers(1, 4),
    st.sampled_from((0, 350)),
    st.sampled_from((None, (0, 0), (1, 1))),
)
keys = st.builds(
    lambda key, steps: KeyRule((KeyTime(key, steps, frozenset({0, 1})),)),
    st.sampled_from((900, 600)),
    st.integers(0, 3),
)
options = st.builds(CacheOptions, st.sampled_from((None, *CACHE_DTYPES)), st.just(None))


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    return ToyTransformer(DEPTH)


@pytest.fixture(scope="module")
def work(transformer):
    with torch.device("meta"):
        bare = ToyTransformer(DEPTH)

    inputs = {
        "x": torch.empty(ROWS, WIDTH, device="meta"),
        "timestep": torch.zeros(ROWS, device="meta"),
    }
    return transformer_work(ToyArchitecture(bare), inputs)


@settings(max_examples=60, deadline=None)
@given(st.tuples(gaps, gaps, gaps), gaps | keys, options, st.sampled_from((1, 2)))
def test_peak_and_course(transformer, work, attention, mlp, cache, lanes):
    plan = make_plan(Rules(*attention, mlp, mlp), TIMES, DEPTH, GROUPS)
    predicted = predict_cache(plan, [work] * lanes, cache)
    held, x = [], torch.ones(ROWS, WIDTH)
    with Engine(ToyArchitecture(transformer), plan, lanes=lanes, cache=cache) as engine:
        for timestep in TIMES:
            for lane in range(lanes):
                with torch.no_grad():
                    transformer(x + lane, torch.full((ROWS,), timestep))
            held.append(engine.cache.bytes)
    engine.ledger.check(plan)
    assert predicted.peak == engine.peak_cache_bytes
    assert sum(predicted.at_peak.values()) == predicted.peak
    assert max(predicted.per_call) == predicted.peak
    assert all(most >= after for most, after in zip(predicted.per_call, held, strict=True))
    assert (predicted.peak == 0) == plan.is_baseline()
