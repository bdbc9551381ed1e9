"""Whole videos, in an order in which what drifts evenly is on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from engine.toy import GROUPS
from speed.toy_scene import TIMES, Told, ToldClock

from pab_bench.config.compose import compose
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.engine.ledger import LedgerMismatch
from pab_bench.experiment.session import Session
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.speed import turns
from pab_bench.speed.turns import sample_turns
from pab_bench.speed.wanted import WantedPlan
from pab_bench.timings.call_classes import Keeping
from pab_bench.timings.estimate import FEWEST_ROUNDS
from pab_bench.timings.rounds import Round, TimingPass
from pab_bench.timings.store import Timings
from pab_bench.timings.videos import videos_speedup

KNOWN = Timings({})
GAP = GapRule(True, (150, 850), 2)


class Watched(Engine):
    """The engine, which tells what plans are followed."""

    followed: list[str]

    def __enter__(self):
        self.followed.append(self.plan.digest())
        return super().__enter__()


@pytest.fixture
def told(monkeypatch):
    told = Told()
    told.clocks = {"wall": ToldClock(told), "cpu": ToldClock(told, "cpu")}
    monkeypatch.setattr(turns, "first_clock", lambda device: told.clocks["wall"])
    monkeypatch.setattr(turns, "ProcessClock", lambda: told.clocks["cpu"])
    return told


def wanted_plan(rules, keeping, steps=5):
    return WantedPlan(make_plan(rules, TIMES[:steps], 2, GROUPS), steps, keeping)


@pytest.fixture
def sampled(monkeypatch, told, toy):
    """Settings, plans by name, the digests in the order of sampling, and the latents."""
    settings = compose(**{"speed.turns": 2})
    one = wanted_plan(Rules(spatial=GAP), Keeping("ungated"))
    other = wanted_plan(Rules(temporal=GAP), Keeping(cache=CacheOptions("float16")))
    followed, latents = [], []
    monkeypatch.setattr(Watched, "followed", followed, raising=False)
    monkeypatch.setattr(turns, "Engine", Watched)
    session = Session(toy.sampler, "cpu", "float32")
    monkeypatch.setattr(turns, "open_session", lambda settings: session)
    real = toy.sampler.denoise

    def denoise(*given):
        latents.append(real(*given))
        told.now += 10.0 + len(latents)  # Every video takes longer than the one before it.
        return latents[-1]

    toy.sampler.denoise = denoise
    return settings, {plan.name: plan for plan in (one, other)}, followed, latents


def test_abba(sampled):
    settings, wanted, followed, latents = sampled
    (videos,) = sample_turns(settings, wanted, KNOWN)
    assert (videos.clock, videos.threads) == ("wall", torch.get_num_threads())
    assert len(followed) == len(latents) == 2 * 6
    digests = {plan.plan.digest() for plan in wanted.values()}
    for turn in (followed[:6], followed[6:]):
        assert turn == turn[::-1]
        assert len(set(turn) - digests) == 1  # The baseline, in some place.
        assert set(turn) > digests
    # Whatever is sampled in between, a plan gives the same video bit for bit.
    of_plan = {}
    for digest, own in zip(followed, latents, strict=True):
        assert torch.equal(own, of_plan.setdefault(digest, own))
    assert len({tuple(own.flatten().tolist()) for own in of_plan.values()}) == 3
    # Every plan of a turn takes as long in sum, since all that is told is a drift.
    for turn in videos.seconds:
        assert set(turn) == {"baseline", *wanted}
        assert len({sum(seconds) for seconds in turn.values()}) == 1
    for name in wanted:
        assert videos_speedup(name, [videos])[0].value == 1


def test_a_video_that_was_disturbed_is_sampled_again(sampled, told):
    settings, wanted, followed, _ = sampled
    told.clocks["wall"] = ToldClock(told, disturbed=lambda start, end: start == 0)
    (videos,) = sample_turns(settings, wanted, KNOWN)
    assert videos.clock == "wall"
    assert len(followed) == 2 * 6 + 1
    assert followed[0] == followed[1]
    assert followed[1:7] == followed[1:7][::-1]
    assert [len(turn["baseline"]) for turn in videos.seconds] == [2, 2]


def test_where_others_disturb_every_video_processor_time_tells(sampled, told, two_threads):
    settings, wanted, followed, _ = sampled
    told.clocks["wall"] = ToldClock(told, disturbed=lambda start, end: True)
    (videos,) = sample_turns(settings, wanted, KNOWN)
    assert (videos.clock, videos.threads) == ("cpu", 1)
    assert len(videos.seconds) == 2
    assert len(followed) == 3 + 2 * 6
    assert torch.get_num_threads() == 2


def test_many_plans_are_each_beside_a_baseline(sampled):
    settings, _, followed, _ = sampled
    rules = [Rules(spatial=GAP), Rules(temporal=GAP), Rules(cross=GAP)]
    keeping = [Keeping(), Keeping("ungated")]
    plans = [wanted_plan(rule, kept) for rule in rules for kept in keeping]
    many = {plan.name: plan for plan in plans}
    assert len(many) == 6
    first, second = sample_turns(settings, many, KNOWN)
    assert [len(turn) for turn in (*first.seconds, *second.seconds)] == [5, 5, 3, 3]
    assert all(videos_speedup(name, [first, second]) for name in many)
    assert len(followed) == 2 * 2 * (5 + 3)


def timings_by(clock, wanted):
    """Of all classes of plans, by one clock."""
    names = {name for plan in wanted.values() for name in plan.timed().classes}
    entry = Round(dict.fromkeys(names, 1.0), dict.fromkeys(names, 1.0), {"5": 1.0})
    timed = TimingPass(clock, 1, "", [entry] * FEWEST_ROUNDS)
    return Timings({}, {name: plan.timed() for name, plan in wanted.items()}, (timed,))


@pytest.mark.parametrize(("clock", "threads"), [("cpu", 1), ("wall", 2)])
def test_videos_are_sampled_by_the_clock_of_the_calls(sampled, two_threads, clock, threads):
    settings, wanted, _, _ = sampled
    (videos,) = sample_turns(settings, wanted, timings_by(clock, wanted))
    assert torch.get_num_threads() == 2
    assert (videos.clock, videos.threads) == (clock, threads)


def test_videos_of_different_steps_have_their_own_baselines(sampled):
    settings, wanted, followed, _ = sampled
    short = wanted_plan(Rules(spatial=GAP), Keeping(), steps=3)
    videos = sample_turns(settings, {**wanted, short.name: short}, KNOWN)
    turns_of = [set(own.seconds[0]) for own in videos]
    assert turns_of == [{"baseline", short.name}, {"baseline", *wanted}]
    assert len(followed) == 2 * (4 + 6)
    assert followed[0] != followed[8]


def test_a_video_that_does_not_follow_its_plan_is_an_error(sampled, toy, two_threads):
    settings, wanted, _, _ = sampled
    toy.sampler.denoise = lambda *given: None
    with pytest.raises(LedgerMismatch):
        sample_turns(settings, wanted, timings_by("cpu", wanted))
    assert torch.get_num_threads() == 2
    assert not any("forward" in module.__dict__ for module in toy.sampler.transformer.modules())


def test_no_turns(sampled):
    settings, wanted, followed, _ = sampled
    none = replace(settings, speed=replace(settings.speed, turns=0))
    assert [videos.seconds for videos in sample_turns(none, wanted, KNOWN)] == [[]]
    assert followed == []
