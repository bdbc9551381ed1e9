"""What is checked of videos whose decisions are made while they are sampled."""

import numpy as np
import pytest
import torch
from engine.test_policies import TIMES, StackedToy
from engine.toy import GROUPS, WIDTH, ToyTransformer
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import SPATIAL
from pab_bench.engine.ledger import Ledger, LedgerMismatch
from pab_bench.engine.places import CallDecision, Run
from pab_bench.engine.policy import Policy
from pab_bench.engine.stack import stack_sites
from pab_bench.methods.facts import Facts
from pab_bench.methods.tables import open_plan

LANES = 2
torch.manual_seed(0)
TOY = ToyTransformer(2)
FACTS = Facts(TIMES, len(TIMES), 2, GROUPS, stack=stack_sites(StackedToy(TOY).stack()), lanes=LANES)


class Chosen(Policy):
    """Leaves all blocks out where a table of lanes and calls says so."""

    places = frozenset({"stack"})

    def __init__(self, out):
        self.out = out

    def run(self, at):
        return Run(0, 1)

    def leaves_out(self, at, entrance):
        out = bool(self.out[at.lane][at.call])
        self.gates[at.lane, at.call] = 0.0 if out else 2.0
        return out

    def gate_decides(self, quantity):
        return quantity >= 1

    def run_ended(self, at, entrance, tokens):
        self.memory.put((at.lane, "change"), [tokens[0] - entrance.tokens[0]])

    def run_output(self, at, entrance):
        (change,) = self.memory.get((at.lane, "change"), last=False)
        return (entrance.tokens[0] + change,)


def ran(policy, videos=1):
    """The engine after so many videos, both lanes in turn."""
    with (
        torch.no_grad(),
        Engine(StackedToy(TOY), open_plan(FACTS), lanes=LANES, policy=policy) as e,
    ):
        for _ in range(videos):
            for timestep in TIMES:
                for lane in range(LANES):
                    TOY(torch.full((2, WIDTH), 1.0 + lane), torch.tensor([timestep] * 2))
    return e


TABLES = st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=2, max_size=2)


@settings(max_examples=20)
@given(TABLES)
def test_whatever_is_decided_the_ledger_tells_it(out):
    out = [[False, *own[1:]] for own in out]
    engine = ran(lambda: Chosen(out), videos=2)
    engine.ledger.check(open_plan(FACTS), 1)
    engine.check_gates()
    for lane, own in enumerate(out):
        executed = engine.ledger.executed(open_plan(FACTS), lane)
        last, expected = 0, []
        for call, is_out in enumerate(own):
            last = last if is_out else call
            expected.append(last)
        for group in GROUPS:
            assert (executed.source[group] == np.array(expected)[:, None]).all()
            assert (executed.is_skipped(group) == np.array(own)[:, None]).all()
        assert [engine.ledger.leaves_out(lane, c) for c in range(5)] == own


@settings(max_examples=20)
@given(TABLES, st.integers(1, 5), st.sets(st.integers(0, 4)))
def test_sure_calls_compute(out, sure, protected):
    out = [[False, *own[1:]] for own in out]
    ledger = ran(lambda: Chosen(out)).ledger
    broken = any(own[c] for own in out for c in {*range(sure), *protected})
    if not broken:
        ledger.check(open_plan(FACTS), sure, protected)
        return
    with pytest.raises(
        LedgerMismatch, match=r"was skipped at call .* a site computes at the first"
    ):
        ledger.check(open_plan(FACTS), sure, protected)


ODD = [[call % 2 == 1 for call in range(5)]] * 2


def fault_of(policy, videos=1):
    with pytest.raises(LedgerMismatch) as caught:
        ran(policy, videos).ledger.check(open_plan(FACTS), 1)
    return str(caught.value)


class OtherLane(Chosen):
    def run_output(self, at, entrance):
        (change,) = self.memory.get((0, "change"), last=False)
        return (entrance.tokens[0] + change,)


class OtherVideo(Chosen):
    kept = torch.zeros(2, WIDTH)

    def run_ended(self, at, entrance, tokens):
        OtherVideo.kept = tokens[0] - entrance.tokens[0]

    def run_output(self, at, entrance):
        return (entrance.tokens[0] + OtherVideo.kept,)


def test_another_lane_is_no_source():
    assert fault_of(lambda: OtherLane(ODD)) == (
        "spatial attention of block 0 was given at call 1 of lane 1 what lane 0 has kept at call 0"
    )


def test_what_was_not_kept_in_this_video_is_no_source():
    fault = fault_of(lambda: OtherVideo(ODD), videos=2)
    assert fault.endswith("and nothing that was kept in this video was used for it")


def test_a_call_that_left_a_site_out_is_no_source():
    out = [[False, True, True, False, False]] * 2

    class Late(Chosen):
        def run_output(self, at, entrance):
            (change,) = self.memory.get((at.lane, "change"), last=False)
            self.memory.put((at.lane, "change"), [change])
            return (entrance.tokens[0] + change,)

    assert fault_of(lambda: Late(out)).endswith(
        "was given at call 2 of lane 0 what was kept at call 1, which left it out"
    )


def test_a_decision_that_its_number_contradicts_is_told():
    class Wrong(Chosen):
        def gate_decides(self, quantity):
            return quantity >= 3

    engine = ran(lambda: Wrong(ODD))
    with pytest.raises(
        LedgerMismatch, match=r"call 0 of lane 0 \(timestep 900\) computed all; .* 2 "
    ):
        engine.check_gates()


class CallsAndHalves(Policy):
    """Whole calls from memory, then one half; too early."""

    places = frozenset({"call"})

    def at_call(self, at, look):
        return CallDecision.COMPUTE if at.call == 0 else CallDecision.FIRST_HALF

    def whole(self, at, look, half):
        return torch.cat([half, half])


def test_sure_calls_compute_both_halves():
    engine = ran(CallsAndHalves)
    engine.ledger.check(open_plan(FACTS), 1)
    assert engine.ledger.leaves_out(0, 1)
    with pytest.raises(LedgerMismatch, match=r"call 1 .* computed 1 halves .* the first 2 calls"):
        engine.ledger.check(open_plan(FACTS), 2)


def test_a_site_is_visited_once():
    plan = open_plan(FACTS)
    ledger = Ledger(plan, 1)
    for call in range(5):
        for group in GROUPS:
            for block in range(2):
                ledger.computed(group, 0, call, block)
    ledger.rows[:] = 2
    ledger.check(plan)
    ledger.computed(SPATIAL, 0, 3, 1)
    with pytest.raises(LedgerMismatch, match="of block 1 was visited more than once at call 3"):
        ledger.check(plan)
