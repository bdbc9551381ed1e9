"""Replaying shared steps gives the same bits as computing them."""

import pytest
import torch
from engine.toy import GROUPS, WIDTH, ToyArchitecture, ToyTransformer
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.engine import Engine
from pab_bench.engine.playback import Playback
from pab_bench.engine.prefix import prefix_digests
from pab_bench.experiment.tape import NotTapeable, VideoTape
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.store.tapes import TapeStore

TIMES = tuple(range(950, -1, -50))
CALL_BYTES = 2 * WIDTH * 4

windows = st.tuples(st.integers(0, 10), st.integers(1, 19)).map(
    lambda w: (50 * w[0], 50 * (w[0] + w[1]))
)
gap_rules = st.builds(GapRule, st.just(True), windows, st.integers(1, 5))
rules = st.builds(Rules, gap_rules, gap_rules, gap_rules, gap_rules, gap_rules)


def plan_of(given_rules, model):
    return make_plan(given_rules, TIMES, model.depth, GROUPS)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return ToyArchitecture(ToyTransformer())


def sample(model, plan, tape=None):
    """A sampler with memory: every step depends on the two outputs before, and draws noise."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(2, WIDTH, generator=generator)
    before = torch.zeros_like(x)
    computed = []
    with torch.no_grad(), Engine(model, plan) as broadcast:
        if tape is not None:
            playback = Playback(model.transformer, tape)
            playback.__enter__()
        hook = model.transformer.spatial[0].attention.register_forward_hook(
            lambda *_: computed.append(1)
        )
        for timestep in TIMES:
            output = model.transformer(x, torch.tensor([timestep, timestep]))
            output *= 1.5  # As some pipelines do: the tape must keep what it was.
            x = x - 0.1 * (1.5 * output - 0.5 * before)
            x = x + 0.01 * torch.randn(x.shape, generator=generator)
            before = output
            if tape is not None:
                tape.note_sizes(broadcast.cache)
        hook.remove()
        if tape is not None:
            playback.__exit__(None, None, None)
            broadcast.ledger.known(plan, tape.known)
            tape.keep([1.0] * len(TIMES), broadcast.ledger.order)
    broadcast.ledger.check(plan)
    return x, broadcast.peak_cache_bytes, len(computed)


def tape_of(store, plan, memory=10**6):
    return VideoTape(store, "video", prefix_digests(plan, "output"), plan, memory, "cpu")


@settings(max_examples=25, deadline=None)
@given(st.lists(rules, min_size=2, max_size=4))
def test_whatever_was_taped_before_the_bits_are_the_same(tmp_path_factory, model, several):
    store = TapeStore(tmp_path_factory.mktemp("tapes"), 10**9)
    for one in [Rules(), *several]:
        plan = plan_of(one, model)
        expected, peak, _ = sample(model, plan)
        tape = tape_of(store, plan)
        latents, computed_peak, _ = sample(model, plan, tape)
        assert torch.equal(latents, expected)
        assert max(computed_peak, tape.peak_cache_bytes) == peak
        again = tape_of(store, plan)
        assert again.known == len(TIMES)
        assert torch.equal(sample(model, plan, again)[0], expected)


def test_a_plan_replays_the_baseline_up_to_what_it_needs(tmp_path, model):
    store = TapeStore(tmp_path, 10**9)
    baseline = plan_of(Rules(), model)
    sample(model, baseline, tape_of(store, baseline))
    # The first reuse is at timestep 400, call 11; call 10 has computed what it reuses.
    plan = plan_of(Rules(spatial=GapRule(True, (100, 450), 2)), model)
    tape = tape_of(store, plan)
    assert tape.known == 10
    _, _, computed = sample(model, plan, tape)
    reused = int(plan.reuse(GROUPS[0])[:, 0].sum())
    assert computed == len(TIMES) - 10 - reused


def test_steps_of_the_tape_have_the_times_of_the_run_that_computed_them(tmp_path, model):
    store = TapeStore(tmp_path, 10**9)
    plan = plan_of(Rules(), model)
    tape = tape_of(store, plan)
    sample(model, plan, tape)
    assert tape.seconds == []
    assert tape_of(store, plan).seconds == [1.0] * len(TIMES)


def test_memory_is_bounded(tmp_path, model):
    store = TapeStore(tmp_path, 10**9)
    plan = plan_of(Rules(), model)
    expected, _, _ = sample(model, plan)
    sample(model, plan, tape_of(store, plan, memory=5 * CALL_BYTES))
    tape = tape_of(store, plan)
    assert tape.known == 5  # More was not held, and so not kept.
    sample(model, plan, tape)
    small = tape_of(store, plan, memory=7 * CALL_BYTES)
    assert small.known == 7
    latents, _, computed = sample(model, plan, small)
    assert computed == len(TIMES) - 7
    assert torch.equal(latents, expected)


def test_a_damaged_call_is_named_and_computed_again(tmp_path, model, caplog):
    store = TapeStore(tmp_path, 10**9)
    plan = plan_of(Rules(), model)
    expected, _, _ = sample(model, plan, tape_of(store, plan))
    damaged = store.path("video", prefix_digests(plan, "output")[4])
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    tape = tape_of(store, plan)
    assert tape.known == 4
    assert f"{damaged} cannot be used" in caplog.text
    assert torch.equal(sample(model, plan, tape)[0], expected)
    assert tape_of(store, plan).known == len(TIMES)


def test_what_cannot_be_taped_is_refused(tmp_path, model):
    plan = plan_of(Rules(), model)
    tape = tape_of(TapeStore(tmp_path, 10**9), plan)
    with pytest.raises(NotTapeable, match=r"measure\.replay=false"):
        tape.record(0, 0, {"sample": torch.zeros(1)})


def test_the_transformer_is_as_it_was_after_an_error(tmp_path, model):
    plan = plan_of(Rules(), model)
    with (
        pytest.raises(ZeroDivisionError),
        Playback(model.transformer, tape_of(TapeStore(tmp_path, 10**9), plan)),
    ):
        raise ZeroDivisionError
    assert "forward" not in model.transformer.__dict__
