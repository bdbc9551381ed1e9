"""The course that a plan predicts is the one that the engine's cache takes, site by site."""

import pytest
import torch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer, sample_lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.cache_course import cache_course
from pab_bench.engine.engine import Engine
from pab_bench.engine.prefix import kept_peak
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

TIMES = tuple(range(900, 0, -100))
DEPTH = 2
OUTPUT_BYTES = 2 * WIDTH * 4
rules = st.builds(
    lambda gap, low, block: GapRule(True, (low, 950), gap, block),
    st.integers(1, 5),
    st.sampled_from((0, 350)),
    st.sampled_from((None, (0, 0), (1, 1))),
)


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    return ToyTransformer(DEPTH)


class Watch:
    """Reads the cache after every site."""

    def __init__(self):
        self.held = [[] for _ in TIMES]

    def begin_call(self, lane, call):
        self.call = call

    def end_call(self): ...

    def begin_site(self, group, block, reused):
        self.group, self.before = group, self.engine.cache.bytes

    def end_site(self):
        held = self.engine.cache.bytes
        if held != self.before:
            self.held[self.call].append((self.group, held - self.before, held))


@settings(deadline=None)
@given(st.builds(Rules, rules, rules, rules, rules, rules), st.sampled_from((1, 2)))
def test_every_change_is_foreseen(transformer, rules, lanes):
    plan = make_plan(rules, TIMES, DEPTH, GROUPS)
    watch = Watch()
    starts = torch.ones(lanes, 2, WIDTH)
    with Engine(ToyArchitecture(transformer), plan, lanes=lanes, probe=watch) as engine:
        watch.engine = engine
        sample_lanes(transformer, TIMES, *starts)
    sites = [(group, block, OUTPUT_BYTES) for group, block in engine.ledger.order]
    assert list(cache_course(plan, sites, lanes)) == watch.held
    assert kept_peak(plan, plan.calls, sites, lanes) == engine.peak_cache_bytes


def test_a_part_of_a_video_has_the_peak_of_that_part():
    plan = make_plan(Rules(spatial=GapRule(True, (450, 750), 2)), TIMES, DEPTH, GROUPS)
    sites = [(group, block, 1) for block in range(DEPTH) for group in GROUPS]
    peaks = [kept_peak(plan, calls, sites, lanes=2) for calls in range(len(TIMES) + 1)]
    first = next(call for call in range(len(TIMES)) if plan.reuse(GROUPS[0])[call].any())
    assert peaks == [0] * first + [2 * DEPTH] * (len(TIMES) + 1 - first)
