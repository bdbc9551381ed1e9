"""Whoever calls the transformer in a loop of their own, with the toy transformer."""

import pytest
import torch
from engine.toy import ToyTransformer, sample, sample_lanes
from systems.contract import every, modules

import pab_bench as pb
from pab_bench.door.attachment import AlreadyAttached, NothingSampled
from pab_bench.engine.engine import PlanMismatch
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.systems.registry import SYSTEMS

TIMES = [900, 700, 500, 300, 100]


class Scheduler:
    """As those of diffusers: a new list for every video."""

    num_inference_steps = None

    def __init__(self):
        self.timesteps = torch.arange(1000)

    def set_timesteps(self, timesteps):
        self.timesteps = torch.tensor(timesteps)
        self.num_inference_steps = len(timesteps)


class Pipe:
    def __init__(self, transformer):
        self.transformer = transformer
        self.scheduler = Scheduler()

    def __call__(self, timesteps=TIMES, seed=0):
        self.scheduler.set_timesteps(timesteps)
        return sample(self.transformer, timesteps, seed)


@pytest.fixture(autouse=True)
def toy_is_known(monkeypatch):
    monkeypatch.setitem(SYSTEMS._entries, "toy", "door.toy_system:TOY")


@pytest.fixture
def pipe():
    torch.manual_seed(0)
    return Pipe(ToyTransformer())


def test_classes_derived_from_a_known_one_are_known(pipe):
    class Own(ToyTransformer):
        pass

    pipe.transformer = Own()
    with pb.attach(pipe, every(2)) as run:
        pipe()
    assert run.videos == 1


def test_one_thing_is_attached_at_a_time(pipe):
    before = modules(pipe.transformer)
    with pb.attach(pipe, every(2)) as run:
        with pytest.raises(AlreadyAttached, match="leave that context first"), pb.observe(pipe):
            pass
        pipe()
    assert run.videos == 1
    assert modules(pipe.transformer) == before


def test_a_context_can_be_entered_again(pipe):
    run = pb.attach(pipe, every(2))
    with run:
        first = pipe()
    with run:
        with pytest.raises(NothingSampled):
            _ = run.plan
        assert torch.equal(pipe(), first)
    assert run.videos == 1


@pytest.mark.parametrize("name", ["plan", "ledger", "timesteps", "peak_cache_bytes"])
def test_there_is_nothing_to_tell_before_the_first_call(pipe, name):
    run = pb.attach(pipe, every(2))
    with pytest.raises(NothingSampled, match="sample a video inside the context first"), run:
        getattr(run, name)


def test_what_was_kept_is_dropped_on_exit(pipe):
    with pb.attach(pipe, every(2)) as run:
        pipe.scheduler.set_timesteps(TIMES)
        sample(pipe.transformer, TIMES[:1])
        assert run._engine.cache.bytes > 0
    assert run._engine.cache.bytes == 0
    assert run.videos == 0
    assert run.peak_cache_bytes > 0


@pytest.mark.parametrize(
    ("called", "message"),
    [
        ([500, 300], "called with timestep 500; a video begins with 900 and takes all 5"),
        ([900, 500], "timestep 500, not 700 as the plan expects"),
        ([900, 900, 700, 700], "pass lanes=2"),
        ([*TIMES, 100], "timestep 100; a video begins with 900"),
    ],
)
def test_other_calls_than_those_of_the_list_are_refused(pipe, called, message):
    before = modules(pipe.transformer)
    pipe.scheduler.set_timesteps(TIMES)
    with pytest.raises(PlanMismatch, match=message), pb.attach(pipe, every(2)):
        sample(pipe.transformer, called)
    assert modules(pipe.transformer) == before


def test_two_calls_a_step_are_two_lanes(pipe):
    starts = [torch.randn(2, 4, generator=torch.Generator().manual_seed(s)) for s in (0, 1)]
    with pb.attach(pipe, every(2)):
        expected = [pipe(seed=seed) for seed in (0, 1)]
    with pb.attach(pipe, every(2), lanes=2) as run:
        ends = sample_lanes(pipe.transformer, TIMES, *starts)
    assert all(torch.equal(*pair) for pair in zip(ends, expected, strict=True))
    assert run.videos == 1
    assert run.ledger.totals()["spatial"] == {"computed": 12, "reused": 8}


def test_a_list_that_begins_with_equal_timesteps(pipe):
    times = [900, 900, 500]
    with pb.attach(pipe, every(2)):
        expected = pipe(times)
    with pb.attach(pipe, every(2)) as run:
        pipe.scheduler.set_timesteps(times)
        sample(pipe.transformer, times[:1], seed=1)  # Broken off.
        assert torch.equal(pipe(times), expected)
        assert run.videos == 1
    with pb.attach(pipe.transformer, every(2), timesteps=times) as run:
        sample(pipe.transformer, times[:1], seed=1)
        run.start_video()  # Without a scheduler it cannot be seen.
        assert torch.equal(sample(pipe.transformer, times), expected)
    assert run.videos == 1


def test_a_list_that_is_only_copied_goes_on(pipe):
    with pb.attach(pipe, every(3)):
        expected = pipe()

    def copy(module, args, output):
        pipe.scheduler.timesteps = pipe.scheduler.timesteps.clone()

    handle = pipe.transformer.register_forward_hook(copy)
    with pb.attach(pipe, every(3)) as run:
        assert torch.equal(pipe(), expected)
    handle.remove()
    assert run.videos == 1


def test_the_last_call_may_fail(pipe):
    def stop(module, args, output):
        if int(args[1][0]) == 100:
            raise RuntimeError

    handle = pipe.transformer.register_forward_hook(stop)
    with pb.attach(pipe, every(2)) as run:
        with pytest.raises(RuntimeError):
            pipe()
        handle.remove()
        pipe()
    assert run.videos == 1


def test_more_steps_than_calls_count_gaps_anew(pipe):
    with pb.attach(pipe.transformer, every(2), timesteps=TIMES, steps=3) as run:
        sample(pipe.transformer, TIMES)
    reused = run.plan.reuse(next(iter(run.plan.source)))[:, 0]
    assert reused.tolist() == [False, True, False, False, True]


def test_what_cannot_be_attached_to_is_refused(pipe):
    for message in ("for Linear; known are LatteTransformer3DModel", "systems/ADDING_A_MODEL"):
        with pytest.raises(ConfigError, match=message):
            pb.attach(torch.nn.Linear(1, 1), every(2), timesteps=TIMES)
    with pytest.raises(ConfigError, match=r"has \.transformer and \.scheduler, .* got str"):
        pb.attach("pipe", every(2))
    with pytest.raises(ConfigError, match=r"pass timesteps=\[\.\.\.\]"):
        pb.attach(pipe.transformer, every(2))
    with pytest.raises(ConfigError, match="got none"):
        pb.attach(pipe.transformer, every(2), timesteps=[])
    with pytest.raises(ConfigError, match="steps=0"):
        pb.attach(pipe.transformer, every(2), timesteps=TIMES, steps=0)
    with pytest.raises(ConfigError, match=r"pipe\.transformer instead of pipe"):
        pb.attach(pipe, every(2), timesteps=TIMES)
    with pytest.raises(ConfigError, match="lanes=0"):
        pb.attach(pipe, every(2), lanes=0)
    with pytest.raises(PabBenchError, match="no timesteps are set"), pb.attach(pipe, every(2)):
        sample(pipe.transformer, TIMES)


def test_a_pipeline_with_two_transformers_is_refused(pipe):
    pipe.transformer_2 = pipe.transformer
    with pytest.raises(ConfigError, match="goes over to another transformer"):
        pb.attach(pipe, every(2))
    pipe.transformer_2 = None
    pb.attach(pipe, every(2))


def test_diffusers_own_cache_is_not_mixed_in(pipe):
    pipe.transformer.is_cache_enabled = True
    with pytest.raises(ConfigError, match=r"disable_cache\(\)"):
        pb.attach(pipe, every(2))
