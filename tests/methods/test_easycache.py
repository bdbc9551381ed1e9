"""EasyCache on toys, against a slow loop over all that was seen; and what is refused."""

import pytest
import torch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer, sample_lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import SPATIAL
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.easycache import EasyCache
from pab_bench.methods.easycache_policy import NoDifference, shared_part
from pab_bench.problems import InvalidSettings, Problems
from pab_bench.systems.several import Several

TIMES = tuple(range(960, 0, -60))
CALLS = len(TIMES)
ONE, TWO = (0,) * CALLS, (0,) * 7 + (1,) * (CALLS - 7)
FACTS = Facts(TIMES, CALLS, 2, GROUPS)


@pytest.fixture(scope="module")
def transformers():
    torch.manual_seed(0)
    return ToyTransformer(), ToyTransformer()


def starts(number):
    return list(torch.randn(number, 2, WIDTH, generator=torch.Generator().manual_seed(1)))


@torch.no_grad()
def by_hand(transformers, method, states, called):
    """What leaves the sampler, one digit a step, and the sums that were held to the threshold."""
    states = list(states)
    given, computed, digits, sums = [], [], "", {}
    for call, (timestep, this) in enumerate(zip(TIMES, called, strict=True)):
        if call and this != called[call - 1]:
            given, computed = [None] * call, []
        given.append(list(states))
        ends = call == CALLS - 1 or called[call + 1] != this
        computes = len([x for x in given if x is not None]) <= method.warm_up or ends
        if not computes:
            (i, v), (j, u) = computed[-1], computed[-2]
            rate = mean(v[0] - u[0]) / mean(given[i][0] - given[j][0])
            moves = [mean(given[t][0] - given[t - 1][0]) for t in range(i + 1, call + 1)]
            sums[call] = sum(rate * move / mean(v[0]) for move in moves)
            computes = sums[call] >= method.threshold
        if computes:
            time = torch.tensor([timestep, timestep])
            outputs = [transformers[this](x, time) for x in states]
            computed.append((call, outputs))
        else:
            i, v = computed[-1]
            outputs = [x + (own - old) for x, own, old in zip(states, v, given[i], strict=True)]
        digits += "01"[computes]
        states = [x - 0.1 * output for x, output in zip(states, outputs, strict=True)]
    return states, digits, sums


def mean(tensor):
    return tensor.abs().mean().item()


@given(
    st.builds(EasyCache, st.sampled_from([0.01, 0.05, 0.2, 0.8, 3.0]), st.integers(2, 8)),
    st.sampled_from([ONE, TWO]),
    st.integers(1, 2),
)
@settings(max_examples=25)
def test_it_is_what_the_rule_says(transformers, method, called, lanes):
    facts = Facts(TIMES, CALLS, 2, GROUPS, lanes=lanes, transformers=called)
    plan = plan_of_facts(method, facts)
    architecture = Several([ToyArchitecture(own) for own in transformers])
    with Engine(architecture, plan, lanes=lanes, policy=method.policy(facts)) as engine:
        states = starts(lanes)
        with torch.no_grad():
            for timestep, this in zip(TIMES, called, strict=True):
                time = torch.tensor([timestep, timestep])
                states = [x - 0.1 * transformers[this](x, time) for x in states]
    engine.ledger.check(plan, method.sure_calls(facts))
    expected, digits, sums = by_hand(transformers, method, starts(lanes), called)
    for lane, (ours, own) in enumerate(zip(states, expected, strict=True)):
        assert torch.allclose(ours, own, rtol=1e-5, atol=1e-6)
        assert "".join("01"[n > 0] for n in engine.ledger.rows[lane].tolist()) == digits
        gates = {call: gate for (of, call), gate in engine.gates.items() if of == lane}
        assert gates == pytest.approx(sums, rel=1e-4)
        for call, gate in gates.items():
            assert (digits[call] == "0") == (gate < method.threshold)
    assert digits[: method.warm_up] == "1" * method.warm_up
    assert digits[-1] == "1"


def test_both_ends_of_the_threshold(transformers):
    toy = transformers[0]
    found = {}
    for threshold in (1e-9, 1e9):
        method = EasyCache(threshold, 3)
        plan = plan_of_facts(method, FACTS)
        with Engine(ToyArchitecture(toy), plan, policy=method.policy(FACTS)) as engine:
            (found[threshold],) = sample_lanes(toy, TIMES, *starts(1))
        found[threshold, "called"] = engine.ledger.rows[0].tolist()
    assert found[1e-9, "called"] == [2] * CALLS
    assert found[1e9, "called"] == [2] * 3 + [0] * (CALLS - 4) + [2]
    assert torch.equal(found[1e-9], sample_lanes(toy, TIMES, *starts(1))[0])
    assert not torch.equal(found[1e-9], found[1e9])


def test_videos_know_nothing_of_each_other(transformers):
    toy, method = transformers[0], EasyCache(0.3, 2)
    plan = plan_of_facts(method, FACTS)
    one, other = starts(2)
    with Engine(ToyArchitecture(toy), plan, policy=method.policy(FACTS)) as engine:
        sample_lanes(toy, TIMES, one)
        after = sample_lanes(toy, TIMES, other)[0]
        gates = dict(engine.gates)
        sample_lanes(toy, TIMES[:6], one)  # A video that is broken off.
        engine.start_video()
        assert torch.equal(sample_lanes(toy, TIMES, other)[0], after)
        assert engine.gates == gates
    assert engine.ledger.decisions(SPATIAL).any()


def test_what_is_held_is_counted(transformers):
    """Latents and predictions of the last computed call, and the latents of the call before."""
    toy, method = transformers[0], EasyCache(1e9, 2)
    facts = Facts(TIMES, CALLS, 2, GROUPS, lanes=2)
    plan = plan_of_facts(method, facts)
    with Engine(ToyArchitecture(toy), plan, lanes=2, policy=method.policy(facts)) as engine:
        sample_lanes(toy, TIMES, *starts(2))
        assert engine.peak_cache_bytes == (2 * 2 + 1) * 2 * WIDTH * 4


def test_latents_that_do_not_move_teach_nothing(transformers):
    toy, method = transformers[0], EasyCache(0.5, 2)
    plan = plan_of_facts(method, FACTS)
    with Engine(ToyArchitecture(toy), plan, policy=method.policy(FACTS)) as engine:
        x = starts(1)[0]
        with torch.no_grad():
            for timestep in TIMES:
                toy(x, torch.tensor([timestep, timestep]))
    assert engine.gates == {}  # There is no rate, so that all calls compute.
    assert (engine.ledger.rows == 2).all()


class MoreChannels(ToyTransformer):
    """Predicts channels that it is not given, as a variance is."""

    def forward(self, x, timestep):
        prediction = super().forward(x, timestep)
        return torch.cat([prediction, 7 * prediction], dim=1)


def test_channels_that_it_is_not_given_are_reused_as_they_are():
    torch.manual_seed(0)
    toy, method = MoreChannels(), EasyCache(1e9, 2)
    plan = plan_of_facts(method, FACTS)
    inputs, outputs = [], []
    with (
        Engine(ToyArchitecture(toy), plan, policy=method.policy(FACTS)),
        torch.no_grad(),
    ):
        x = starts(1)[0]
        for timestep in TIMES[:5]:
            inputs.append(x)
            outputs.append(toy(x, torch.tensor([timestep, timestep])))
            x = x - 0.1 * outputs[-1][:, :WIDTH]
    change = outputs[1][:, :WIDTH] - inputs[1]
    for x, output in zip(inputs[2:], outputs[2:], strict=True):
        assert torch.equal(output[:, :WIDTH], x + change)
        assert torch.equal(output[:, WIDTH:], outputs[1][:, WIDTH:])


def test_parts_of_tensors():
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert shared_part(x, x) is x
    assert torch.equal(shared_part(x, torch.empty(2, 2, 4)), x[:, :2])
    assert shared_part(x, torch.empty(2, 5, 4)) is x
    with pytest.raises(NoDifference, match=r"tensors of \(2, 3, 4\) and \(2, 4, 3\)"):
        shared_part(x, torch.empty(2, 4, 3))
    with pytest.raises(NoDifference, match="method=easycache: the transformer is called with"):
        shared_part(x, torch.empty(6, 4))


def test_what_could_leave_nothing_out_is_refused():
    problems = Problems()
    EasyCache(warm_up=15).check(About("latte", 50, CALLS, 28, "ddim", True), problems)
    message = "method.warm_up=15: with the last one, all 16 calls of the transformer would compute"
    assert list(map(str, problems.found)) == [message]
    with pytest.raises(InvalidSettings, match=message):
        plan_of_facts(EasyCache(warm_up=15), FACTS)
    assert plan_of_facts(EasyCache(warm_up=14), FACTS).is_open


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"threshold": 0.0}, "method.threshold=0.0: must be a finite number above 0"),
        ({"threshold": float("inf")}, "method.threshold=inf: must be a finite number above 0"),
        ({"warm_up": 1}, "method.warm_up=1: must be a whole number of at least 2"),
    ],
)
def test_what_cannot_be_meant(keys, message):
    with pytest.raises(InvalidSettings, match=message):
        EasyCache(**keys)
