"""DBCache on toys, against a slow loop that is written from the rules; and what is refused."""

import pytest
import torch
from engine.test_policies import StackedToy
from engine.toy import GROUPS, WIDTH, ToyTransformer, sample_lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.config.compose import compose
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import SPATIAL, TEMPORAL
from pab_bench.engine.stack import stack_of, stack_sites
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.bounds import least_plan
from pab_bench.methods.combined import Combined
from pab_bench.methods.dbcache import DBCache
from pab_bench.methods.fewer_steps import FewerSteps
from pab_bench.methods.fora import Fora
from pab_bench.problems import InvalidSettings, Problems
from pab_bench.systems.several import Several

DEPTH = 4
TIMES = tuple(range(960, 0, -80))
CALLS = len(TIMES)
TWO = (0,) * 5 + (1,) * 7


@pytest.fixture(scope="module")
def transformers():
    torch.manual_seed(0)
    return ToyTransformer(DEPTH), ToyTransformer(DEPTH)


def facts_of_toys(architecture, lanes=1, transformers=()):
    stack = stack_sites(stack_of(architecture))
    return Facts(TIMES, CALLS, DEPTH, GROUPS, {}, stack, lanes, transformers)


def starts(number):
    return list(torch.randn(number, 2, WIDTH, generator=torch.Generator().manual_seed(1)))


def difference(history, order, number):
    """Of an order, at the number-th computed call; None where there is none."""
    call, _, middle = history[number]
    if order == 0:
        return middle
    if number == 0 or call < 3:
        return None
    newer = difference(history, order - 1, number)
    older = difference(history, order - 1, number - 1)
    if newer is None or older is None:
        return None
    return (newer - older) / (call - history[number - 1][0])


@torch.no_grad()
def by_hand(transformers, method, start, called):
    """One lane: what leaves the sampler, one digit a call, and the numbers that were compared."""
    x, digits, numbers, history, began = start, "", {}, [], 0
    for call, (timestep, this) in enumerate(zip(TIMES, called, strict=True)):
        if call and this != called[call - 1]:
            history, began = [], call
        own, time = transformers[this], torch.full((2, 1), timestep / 1000)
        pairs = list(zip(own.spatial, own.temporal, strict=True))
        last = DEPTH - method.last_blocks
        y = through(pairs[: method.first_blocks], x, time)
        change, entered = y - x, y
        computes = not history or call - began < method.warm_up
        if not computes:
            known = history[-1][1]
            numbers[call] = float((change - known).abs().mean() / known.abs().mean())
            computes = numbers[call] >= method.threshold
        if computes:
            y = through(pairs[method.first_blocks : last], y, time)
            history.append((call - began, change, y - entered))
        else:
            factor = 1.0
            for order in range(method.order + 1):
                factor /= max(order, 1)
                term = difference(history, order, len(history) - 1)
                if term is not None:
                    y = y + term * factor * (call - began - history[-1][0]) ** order
        digits += "01"[computes]
        x = x - 0.1 * through(pairs[last:], y, time)
    return x, digits, numbers


def through(pairs, x, time):
    for spatial, temporal in pairs:
        x = temporal(spatial(x, time), time)
    return x


@st.composite
def methods(draw):
    first = draw(st.integers(1, DEPTH - 1))
    return DBCache(
        first_blocks=first,
        last_blocks=draw(st.integers(0, DEPTH - 1 - first)),
        threshold=draw(st.sampled_from([0.02, 0.08, 0.15, 0.4])),
        warm_up=draw(st.integers(0, 6)),
        order=draw(st.integers(0, 2)),
    )


@given(methods(), st.sampled_from([(0,) * CALLS, TWO]), st.integers(1, 2))
@settings(max_examples=15)
def test_it_is_what_the_rules_say(transformers, method, called, lanes):
    architecture = Several([StackedToy(own) for own in transformers])
    facts = facts_of_toys(architecture, lanes, called)
    plan = plan_of_facts(method, facts)
    with Engine(architecture, plan, lanes=lanes, policy=method.policy(facts)) as engine:
        states = starts(lanes)
        with torch.no_grad():
            for timestep, this in zip(TIMES, called, strict=True):
                time = torch.tensor([timestep, timestep])
                states = [x - 0.1 * transformers[this](x, time) for x in states]
    engine.ledger.check(plan, method.sure_calls(facts))
    for lane, (ours, start) in enumerate(zip(states, starts(lanes), strict=True)):
        x, digits, numbers = by_hand(transformers, method, start, called)
        assert torch.allclose(ours, x, rtol=1e-5, atol=1e-6)
        middle = engine.ledger.visits[SPATIAL][lane, :, method.first_blocks]
        assert "".join("01"[int(visit == 1)] for visit in middle) == digits
        around = [*range(method.first_blocks), *range(DEPTH - method.last_blocks, DEPTH)]
        assert (engine.ledger.visits[TEMPORAL][lane][:, around] == 1).all()
        gates = {call: gate for (own, call), gate in engine.gates.items() if own == lane}
        assert gates == pytest.approx(numbers, rel=1e-4)
        for call, gate in gates.items():
            assert (middle[call] == 1) == (gate >= method.threshold)


def test_lanes_and_videos_know_nothing_of_each_other(transformers):
    toy = transformers[0]
    method = DBCache(first_blocks=1, warm_up=2, threshold=0.4, order=1)
    facts = facts_of_toys(StackedToy(toy), 2)
    plan = plan_of_facts(method, facts)
    one, other = starts(2)
    with Engine(StackedToy(toy), plan, lanes=2, policy=method.policy(facts)) as engine:
        first = sample_lanes(toy, TIMES, one, other)
        swapped = sample_lanes(toy, TIMES, other, one)
    assert torch.equal(first[0], swapped[1])
    assert torch.equal(first[1], swapped[0])
    assert engine.ledger.decisions(SPATIAL)[:, 1].any()


@pytest.mark.parametrize(("order", "tensors"), [(0, 2), (1, 3), (2, 4)])
def test_what_is_held_is_counted(transformers, order, tensors):
    """What the first blocks have changed, and what the others have, with its differences."""
    toy = transformers[0]
    method = DBCache(first_blocks=1, warm_up=6, threshold=0.4, order=order)
    facts = facts_of_toys(StackedToy(toy), 2)
    plan = plan_of_facts(method, facts)
    with Engine(StackedToy(toy), plan, lanes=2, policy=method.policy(facts)) as engine:
        sample_lanes(toy, TIMES, *starts(2))
        assert engine.peak_cache_bytes == 2 * tensors * 2 * WIDTH * 4


def test_a_mask_that_says_all_is_a_plan(transformers):
    toy = transformers[0]
    mask = (1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1)
    method = DBCache(first_blocks=1, last_blocks=1, steps_mask=mask, mask_policy="static")
    facts = facts_of_toys(StackedToy(toy))
    plan = plan_of_facts(method, facts)
    assert plan.stack[:, 1].tolist() == [0, 1, 1, 1, 4, 4, 4, 4, 8, 8, 10, 11]
    assert (plan.stack[:, [0, 3]] == torch.arange(CALLS).numpy()[:, None]).all()
    assert plan.is_skipped(TEMPORAL)[:, 2].tolist() == [entry == 0 for entry in mask]
    with Engine(StackedToy(toy), plan, policy=method.policy(facts)) as engine:
        sample_lanes(toy, TIMES, *starts(1))
        assert engine.peak_cache_bytes == 2 * WIDTH * 4  # Nothing is compared.
    engine.ledger.check(plan)
    assert engine.gates == {}
    both = facts_of_toys(Several([StackedToy(own) for own in transformers]), 1, TWO)
    assert plan_of_facts(method, both).stack[5:8, 1].tolist() == [5, 5, 5]


def test_it_can_have_fewer_steps():
    stack = tuple(((SPATIAL, block),) for block in range(DEPTH))
    method = Combined(FewerSteps(8), DBCache(first_blocks=1, warm_up=3))
    facts = Facts(TIMES[:8], 8, DEPTH, (SPATIAL,), stack=stack)
    assert plan_of_facts(method, facts).is_open
    assert method.sure_calls(facts) == 3


def test_at_least_what_is_compared_and_the_last_blocks_compute():
    stack = tuple(((SPATIAL, block),) for block in range(DEPTH))
    facts = Facts(TIMES, CALLS, DEPTH, (SPATIAL,), stack=stack)
    least = least_plan(DBCache(first_blocks=1, last_blocks=1, warm_up=3), facts)
    assert least.source[SPATIAL][3:].tolist() == [[call, 2, 2, call] for call in range(3, CALLS)]


def test_nothing_acts_inside_of_what_is_decided_while_sampling(transformers):
    method = Combined(DBCache(first_blocks=1, warm_up=3), Fora(2))
    with pytest.raises(InvalidSettings, match=r"method.inside=fora: dbcache decides while it"):
        plan_of_facts(method, facts_of_toys(StackedToy(transformers[0])))


def problems_of(method, calls=CALLS, blocks=DEPTH):
    problems = Problems()
    method.check(About("latte", 50, calls, 28, "ddim", True, blocks=blocks), problems)
    return list(map(str, problems.found))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"first_blocks": DEPTH},
            "method.first_blocks=4: with method.last_blocks=0 all blocks always compute: the "
            "model has 4; both together must be fewer",
        ),
        (
            {"first_blocks": 3, "last_blocks": 3},
            "method.first_blocks=3: with method.last_blocks=3 all blocks always compute: the "
            "model has 4; both together must be fewer",
        ),
        (
            {"first_blocks": 1, "warm_up": CALLS},
            "method.warm_up=12: all 12 calls of the transformer would compute",
        ),
        (
            {"first_blocks": 1, "steps_mask": (1, 0, 1)},
            "method.steps_mask=[1,0,1]: has 3 entries, the transformer is called 12 times",
        ),
    ],
)
def test_what_could_leave_nothing_out_is_refused(transformers, keys, message):
    method = DBCache(**keys)
    assert problems_of(method) == [message]
    assert problems_of(method, None, None) == []  # Then nothing is known before the model is.
    with pytest.raises(InvalidSettings) as error:
        plan_of_facts(method, facts_of_toys(StackedToy(transformers[0])))
    assert str(error.value) == message


def test_what_can_leave_something_out_is_not():
    assert problems_of(DBCache(first_blocks=2, last_blocks=1, warm_up=11)) == []
    assert problems_of(DBCache(first_blocks=1, warm_up=20, warm_up_interval=2)) == []
    assert problems_of(DBCache(first_blocks=8), blocks=None) == []


def test_blocks_are_known_before_the_model_is_where_they_lie_in_one_list():
    chosen = {"name": "dbcache", "first_blocks": 45}
    with pytest.raises(InvalidSettings, match=r"method.first_blocks=45: .* the model has 30"):
        compose(model="wan", method=chosen)
    # Of two lists, 20 and 40 blocks long, the settings have the longer one.
    assert compose(model="hunyuan_video", method=chosen).method.first_blocks == 45


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"first_blocks": 0}, "method.first_blocks=0: must be a whole number of at least 1"),
        ({"last_blocks": -1}, "method.last_blocks=-1: must be a whole number of at least 0"),
        ({"threshold": 0.0}, "method.threshold=0.0: must be a finite number above 0"),
        ({"threshold": float("nan")}, "method.threshold=nan: must be a finite number above 0"),
        ({"warm_up": -1}, "method.warm_up=-1: must be a whole number of at least 0"),
        ({"warm_up_interval": 0}, "method.warm_up_interval=0: must be a whole number"),
        ({"most_cached": 0}, "method.most_cached=0: must be a whole number of at least 1"),
        ({"most_in_a_row": 0}, "method.most_in_a_row=0: must be a whole number of at least 1"),
        ({"most_change": 0.0}, "method.most_change=0.0: must be a finite number above 0"),
        ({"order": 5}, "method.order=5: must be a whole number from 0 to 4"),
        ({"steps_mask": (0, 1)}, r"method.steps_mask=\[0,1\]: must be a list of 1 and 0 that"),
        ({"steps_mask": (1, 1)}, r"method.steps_mask=\[1,1\]: must be a list of 1 and 0 that"),
        ({"steps_mask": (1, 2, 0)}, "must be a list of 1 and 0 that begins with a 1 and has a 0"),
        ({"steps_mask": ()}, r"method.steps_mask=\[\]: must be a list of 1 and 0"),
        ({"mask_policy": "static"}, "method.mask_policy=static: needs method.steps_mask"),
        ({"mask_policy": "some"}, "method.mask_policy=some: must be one of dynamic, static"),
        ({"rule": "other"}, "method.rule=other: must be one of cache_dit, diffusers"),
    ],
)
def test_what_cannot_be_meant(keys, message):
    with pytest.raises(InvalidSettings, match=message):
        DBCache(**keys)
