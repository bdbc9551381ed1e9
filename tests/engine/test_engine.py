import pytest
import torch
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer, sample, sample_lanes

from pab_bench.engine.engine import Engine, PlanMismatch
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL
from pab_bench.engine.ledger import LedgerMismatch
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

TIMES = [900, 700, 500, 300, 100]
WINDOW = GapRule(True, (150, 850), 2)


@pytest.fixture
def transformer():
    torch.manual_seed(0)
    return ToyTransformer()


def plan_of(rules):
    return make_plan(rules, TIMES, 2, GROUPS)


def by_hand(transformer, keep_gated):
    """The same loop with spatial attention kept by hand, written without the engine."""
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    kept = {}
    with torch.no_grad():
        for step, timestep in enumerate(TIMES):
            time, h = torch.tensor([timestep, timestep]).float()[:, None] / 1000, x
            for i, (s, t) in enumerate(zip(transformer.spatial, transformer.temporal, strict=True)):
                gate = time.sin()
                if not WINDOW.reuses(step, timestep, i):
                    output = s.attention(h + time)
                    kept[i] = gate * output if keep_gated else output
                h = (kept[i] if keep_gated else gate * kept[i]) + h
                h = s.cross(h) + h
                h = gate * s.mlp(h + time) + h
                h = t(h, time)
            x = x - 0.1 * h
    return x


@pytest.mark.parametrize("broadcast_object", ["output", "ungated"])
def test_reuse_equals_a_loop_by_hand(transformer, broadcast_object):
    expected = by_hand(transformer, broadcast_object == "output")
    plan = plan_of(Rules(spatial=WINDOW))
    with Engine(ToyArchitecture(transformer), plan, broadcast_object) as engine:
        ours = sample(transformer, TIMES)
    engine.ledger.check(plan)
    assert torch.equal(ours, expected)
    assert not torch.equal(ours, sample(transformer, TIMES))


def test_both_objects_differ(transformer):
    results = []
    for broadcast_object in ("output", "ungated"):
        plan = plan_of(Rules(spatial=WINDOW))
        with Engine(ToyArchitecture(transformer), plan, broadcast_object):
            results.append(sample(transformer, TIMES))
    assert not torch.equal(*results)


def test_nothing_reused_is_bit_equal_to_the_bare_model(transformer):
    bare = sample(transformer, TIMES)
    plan = plan_of(Rules(spatial=GapRule(True, (0, 1000), 1)))
    with Engine(ToyArchitecture(transformer), plan) as engine:
        attached = sample(transformer, TIMES)
    engine.ledger.check(plan)
    assert torch.equal(bare, attached)
    assert engine.peak_cache_bytes == 0


def test_every_module_is_restored_also_after_an_exception(transformer):
    own = transformer.spatial[0]
    own.forward = own.forward  # An instance's own forward, as offloading hooks set it.
    before = [dict(m.__dict__) for m in transformer.modules()]
    engine = Engine(ToyArchitecture(transformer), plan_of(Rules(spatial=WINDOW)))

    def breaks_off():
        with engine:
            sample(transformer, TIMES[:1])
            assert engine.cache
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        breaks_off()
    after = [dict(m.__dict__) for m in transformer.modules()]
    assert [b.get("forward") for b in before] == [a.get("forward") for a in after]
    assert not any(a["_forward_pre_hooks"] for a in after)
    assert not engine.cache


def test_state_is_new_for_every_video(transformer):
    plan = plan_of(Rules(spatial=WINDOW, cross=WINDOW))
    with Engine(ToyArchitecture(transformer), plan) as engine:
        first = sample(transformer, TIMES, seed=1)
        second = sample(transformer, TIMES, seed=2)
        engine.ledger.check(plan)
        assert torch.equal(first, sample(transformer, TIMES, seed=1))
    with Engine(ToyArchitecture(transformer), plan):
        assert torch.equal(second, sample(transformer, TIMES, seed=2))


def test_a_video_that_was_broken_off_needs_a_new_start(transformer):
    plan = plan_of(Rules(spatial=WINDOW))
    with Engine(ToyArchitecture(transformer), plan) as engine:
        sample(transformer, TIMES[:3])
        with pytest.raises(PlanMismatch, match="start_video"):
            sample(transformer, TIMES)
        engine.start_video()
        resumed = sample(transformer, TIMES)
    with Engine(ToyArchitecture(transformer), plan):
        assert torch.equal(resumed, sample(transformer, TIMES))


def test_a_run_that_differs_from_its_plan_fails(transformer):
    plan = plan_of(Rules(spatial=WINDOW))
    with Engine(ToyArchitecture(transformer), plan) as engine:
        sample(transformer, TIMES[:3])
    with pytest.raises(LedgerMismatch, match="was not visited at call 3"):
        engine.ledger.check(plan)
    with Engine(ToyArchitecture(transformer), plan) as engine:
        sample(transformer, TIMES)
    with pytest.raises(LedgerMismatch, match="reused at call 1"):
        engine.ledger.check(plan_of(Rules()))


def test_two_calls_per_step_keep_two_states(transformer):
    plan = plan_of(Rules(spatial=WINDOW))
    starts = torch.zeros(2, 4), torch.ones(2, 4)
    with Engine(ToyArchitecture(transformer), plan, lanes=2) as engine:
        ends = sample_lanes(transformer, TIMES, *starts)
    engine.ledger.check(plan)
    for start, end in zip(starts, ends, strict=True):
        with Engine(ToyArchitecture(transformer), plan):
            (alone,) = sample_lanes(transformer, TIMES, start)
        assert torch.equal(alone, end)


def test_cache_holds_only_what_is_still_needed(transformer):
    one = 2 * 4 * 4  # one output in bytes
    plan = plan_of(Rules(spatial=WINDOW))
    with Engine(ToyArchitecture(transformer), plan) as engine:
        sample(transformer, TIMES)
        assert not engine.cache
    assert engine.peak_cache_bytes == 2 * one


def test_observers_see_every_output_before_and_behind_the_gate(transformer):
    class Watcher:
        def __init__(self):
            self.seen = []

        def start_video(self):
            self.seen = []

        def observe(self, output):
            time = torch.tensor(TIMES[output.call] / 1000)
            factor = 1.0 if output.group == CROSS else time.sin()
            agrees = torch.allclose(output.gated, output.ungated * factor)
            self.seen.append((output.place, output.call, agrees))

    watcher = Watcher()
    with Engine(ToyArchitecture(transformer), plan_of(Rules()), observers=[watcher]):
        sample(transformer, TIMES)
    assert len(watcher.seen) == len(GROUPS) * 2 * len(TIMES)
    assert {place[1] for place, *_ in watcher.seen} == {0}
    assert all(agrees for *_, agrees in watcher.seen)


def test_misuse_is_refused(transformer):
    architecture = ToyArchitecture(transformer)
    with pytest.raises(ValueError, match="broadcast_object"):
        Engine(architecture, plan_of(Rules()), "probabilities")
    with pytest.raises(ValueError, match="the plan is for 3 blocks"):
        Engine(architecture, make_plan(Rules(), TIMES, 3, GROUPS))
    with pytest.raises(ValueError, match="the model has"):
        Engine(architecture, make_plan(Rules(), TIMES, 2, (SPATIAL, MLP_SPATIAL)))
    with pytest.raises(ValueError, match="observers"):
        Engine(architecture, plan_of(Rules(spatial=WINDOW)), observers=[object()])
    with (
        Engine(architecture, plan_of(Rules())) as engine,
        pytest.raises(RuntimeError, match="already attached"),
    ):
        engine.__enter__()


def test_a_probe_stands_around_every_site_and_call(transformer):
    class Diary:
        def __init__(self):
            self.calls, self.open = [], []

        def begin_call(self, lane, call):
            self.calls.append((lane, call, []))
            self.open.append("call")

        def end_call(self):
            assert self.open.pop() == "call"

        def begin_site(self, group, block, reused):
            assert self.open == ["call"]
            self.calls[-1][2].append((group, block, reused))
            self.open.append("site")

        def end_site(self):
            assert self.open.pop() == "site"

    diary = Diary()
    plan = plan_of(Rules(spatial=WINDOW))
    with Engine(ToyArchitecture(transformer), plan, probe=diary):
        probed = sample(transformer, TIMES)
    with Engine(ToyArchitecture(transformer), plan):
        assert torch.equal(probed, sample(transformer, TIMES))
    assert not diary.open
    assert [(lane, call) for lane, call, _ in diary.calls] == [(0, call) for call in range(5)]
    for _, call, sites in diary.calls:
        assert len(sites) == len(GROUPS) * 2
        reused = {(group, block) for group, block, reused in sites if reused}
        assert reused == ({(SPATIAL, 0), (SPATIAL, 1)} if call in (1, 3) else set())
    assert not transformer._forward_hooks
