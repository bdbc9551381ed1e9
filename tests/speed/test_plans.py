"""Plans of a real model are timed once, and together."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from pab_bench.experiment.session import open_session
from pab_bench.methods.base import plan_of
from pab_bench.speed import plans, timing_pass, turns
from pab_bench.speed.clocks import ProcessClock
from pab_bench.speed.known import KnownSpeeds
from pab_bench.speed.plans import key_here, time_plans
from pab_bench.speed.wanted import wanted_plan
from pab_bench.timings.rounds import CONTROL
from pab_bench.timings.store import read_timings, timings_path
from pab_bench.timings.videos import videos_speedup

REUSING = ("spatial_gap=2",)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """What is tested is not how exact it is: each call once, and one look at kinds."""
    monkeypatch.setattr(timing_pass, "SHORTEST_S", 1e-6)
    monkeypatch.setattr(timing_pass, "LOOKED_AT", 1)
    # By the wall, all would be timed twice on a machine that is busy.
    monkeypatch.setattr(timing_pass, "first_clock", lambda device: ProcessClock())


@pytest.fixture
def wanted_of(timed_settings):
    """Settings, and their plan."""

    def make(*overrides):
        settings = timed_settings(*overrides)
        plan = plan_of(settings.method, open_session(settings).sampler, settings.steps)
        return settings, wanted_plan(settings, plan)

    return make


@contextmanager
def calls_of(settings):
    """Calls of the transformer while it is open."""
    made = []
    transformer = open_session(settings).sampler.architecture.transformer
    hook = transformer.register_forward_pre_hook(lambda *given: made.append(given))
    yield made
    hook.remove()


def names(timed):
    return {name for entry in timed.rounds for name in entry.seconds} - {CONTROL}


def test_what_is_known_is_not_timed_again(wanted_of):
    settings, one = wanted_of(*REUSING)
    with calls_of(settings) as calls:
        timings = time_plans(settings, [one])
        assert calls
    assert timings == read_timings(settings.results_dir, key_here(settings))
    path = timings_path(settings.results_dir, timings.key)
    written = path.read_bytes()
    speed = timings.speed(one.name)
    assert 0.2 < speed.speedup.value < 5
    assert speed.bound.value > 1.01
    assert speed.seconds > 0
    assert timings.reason == ""
    (timed,) = timings.passes
    assert all(set(entry.sampler) == {"6"} for entry in timed.rounds)
    with calls_of(settings) as calls:
        assert time_plans(settings, [one]) == timings
        assert calls == []
    assert path.read_bytes() == written

    # What has other calls is timed with a control of its own, and nothing else.
    _, other = wanted_of("cross_gap=2")
    both = time_plans(settings, [one, other])
    assert set(both.plans) == {one.name, other.name}
    assert [names(timed) for timed in both.passes] == [
        set(plan.classes) - {"computes all"} for plan in both.plans.values()
    ]
    assert both.speed(one.name).rounds == speed.rounds
    assert both.speed(other.name).rounds >= 5

    # What consists of the same calls needs nothing but its name in the file.
    _, alike = wanted_of(*REUSING, "spatial_threshold=[100,500]")
    known = KnownSpeeds().speed(settings, alike.plan)
    with calls_of(settings) as calls:
        more = time_plans(settings, [alike])
        assert calls == []
    assert more.passes == both.passes
    assert more.speed(alike.name) == known
    assert known.speedup != speed.speedup


def test_nothing_is_timed_if_nothing_is_asked_for(wanted_of):
    settings, one = wanted_of(*REUSING, "speed.calls=false")
    with calls_of(settings) as calls:
        timings = time_plans(settings, [one])
        assert calls == []
    assert timings.passes == timings.videos == ()
    assert timings.speed(one.name) is None
    assert timings.reason == ""


def test_a_failure_is_a_reason_and_costs_nothing_else(wanted_of, caplog, monkeypatch):
    settings, one = wanted_of(*REUSING, "speed.turns=2")
    session = open_session(settings)
    transformer = session.sampler.architecture.transformer
    for first in (1, 20):  # The call that is caught, and one of a round.
        made = []

        def fails(*given, made=made, first=first):
            made.append(given)
            if len(made) >= first:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")

        hook = transformer.register_forward_hook(fails)
        timings = time_plans(settings, [one])
        hook.remove()
        assert len(made) == first
        assert timings.reason == "OutOfMemoryError: CUDA out of memory. Tried to allocate 3 GiB"
        assert timings.passes == timings.videos == ()
        assert read_timings(settings.results_dir, timings.key) == timings
        assert not any("forward" in module.__dict__ for module in transformer.modules())
    assert caplog.text.count("calls could not be timed: CUDA out of memory") == 2

    # So it is with a model that finds no room at all.
    with monkeypatch.context() as patched:
        patched.setattr(plans, "open_session", fails)
        assert time_plans(settings, [one]).reason == timings.reason

    # Next time it is tried again. If whole videos then fail, the calls stand.
    def fails_later(*given):
        monkeypatch.setattr(session.sampler, "denoise", fails)
        return sample_turns(*given)

    sample_turns = plans.sample_turns
    monkeypatch.setattr(plans, "sample_turns", fails_later)
    timings = time_plans(settings, [one])
    assert timings.speed(one.name).rounds >= 5
    assert timings.videos == ()
    assert timings.reason == "OutOfMemoryError: CUDA out of memory. Tried to allocate 3 GiB"
    assert read_timings(settings.results_dir, timings.key) == timings
    assert "whole videos could not be timed: CUDA out of memory" in caplog.text


def test_a_budget_that_is_not_enough_is_a_reason(wanted_of):
    settings, one = wanted_of(*REUSING, "speed.budget_s=0")
    timings = time_plans(settings, [one])
    assert timings.passes == ()
    assert timings.reason.startswith("0 s were not enough for 5 rounds of ")
    assert timings.reason.endswith("(speed.budget_s)")


def test_whole_videos_are_sampled_in_turns_with_the_baselines(wanted_of, monkeypatch):
    monkeypatch.setattr(turns, "first_clock", lambda device: ProcessClock())  # Never disturbed.
    settings, one = wanted_of(*REUSING, "steps=4", "speed.turns=2", "speed.calls=false")
    sampler = open_session(settings).sampler
    real, latents = sampler.denoise, []
    monkeypatch.setattr(sampler, "denoise", lambda *given: latents.append(real(*given)))
    with calls_of(settings) as calls:
        timings = time_plans(settings, [one])
    assert len(calls) == 2 * 4 * 4
    assert timings.passes == ()
    assert timings.speed(one.name) is None
    (videos,) = timings.videos
    assert [set(turn) for turn in videos.seconds] == [{"baseline", one.name}] * 2
    figure, _ = videos_speedup(one.name, timings.videos)
    assert 0.2 < figure.value < 5
    # A plan gives the same video whatever was sampled before it, and not the baseline's.
    baseline, method = latents[0], latents[1]
    for own, expected in zip(latents, [baseline, method, method, baseline] * 2, strict=True):
        assert torch.equal(own, expected)
    assert not torch.equal(baseline, method)
