"""Where a step calls the transformer twice, reuse never goes from one call to the other."""

import pytest
import torch
from systems.diffusers.driven import KNOWN, PROMPT, SEED, STEPS, drive, every

from pab_bench.engine.playback import Playback
from pab_bench.engine.prefix import prefix_digests
from pab_bench.experiment.tape import VideoTape
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.store.tapes import TapeStore


def kept(driven, what, monkeypatch):
    """All tensors that are kept of a video whose latents follow the conditional call alone."""
    engine = driven.engine(every(2), what)
    put, found = engine.cache.put, {}

    def note(address, tensors):
        found[address] = [tensor.clone() for tensor in tensors]
        put(address, tensors)

    monkeypatch.setattr(engine.cache, "put", note)
    calls = []

    def silence(module, args, output):
        calls.append(1)
        return output if len(calls) % 2 else tuple(torch.zeros_like(own) for own in output)

    hook = driven.sampler.architecture.transformer.register_forward_hook(silence)
    with engine:
        latents = driven.denoise()
    hook.remove()
    engine.ledger.check(engine.plan)
    return found, latents


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("wan", "ungated"),
        ("wan", "output"),
        *(pytest.param(name, "output", marks=pytest.mark.slow) for name in ("skyreels", "cosmos")),
    ],
)
def test_reuse_never_crosses_a_lane(saved, name, what, monkeypatch):
    system = "diffusers" if what == "ungated" else KNOWN[name].system
    ours, latents = kept(drive(name, saved(name), system=system), what, monkeypatch)
    other = drive(name, saved(name), system=system, negative_prompt="blurry")
    theirs, same = kept(other, what, monkeypatch)
    assert ours.keys() == theirs.keys()
    assert {lane for _, lane, _, _ in ours} == {0, 1}
    assert {call for *_, call in ours} == {0, 2}
    for (group, lane, block, call), tensors in ours.items():
        equal = all(map(torch.equal, tensors, theirs[group, lane, block, call]))
        # The first block's first site has seen nothing of the text yet.
        if lane == 0:
            assert equal
        elif group.kind == "cross" or block > 0:
            assert not equal
    assert torch.equal(latents, same)


def test_without_guidance_there_is_one_lane(wan):
    sampler = wan.sampler
    text, noise = sampler.encode(PROMPT), sampler.noise(SEED)
    sampler.lanes(1.0)
    told = []
    latents = sampler.denoise(text, noise, STEPS, 1.0, told.append)
    assert told == list(range(STEPS))
    assert torch.equal(latents, wan.call(guidance=1.0)[1])


def test_known_calls_are_replayed_in_every_lane(wan, tmp_path):
    store = TapeStore(tmp_path, 10**9)
    late = GapRule(True, (-1, wan.sampler.timesteps(STEPS)[STEPS // 2]), 2)
    known = []
    for rules in (Rules(), Rules(spatial=late), Rules(spatial=late)):
        plan = wan.plan(rules)
        tape = VideoTape(store, "video", prefix_digests(plan, ""), plan, 10**9, "cpu")
        known.append(tape.known)
        transformer = wan.sampler.architecture.transformer
        with wan.engine(rules) as engine, Playback(transformer, tape, 2):
            replayed = wan.denoise()
        engine.ledger.known(plan, tape.known)
        engine.ledger.check(plan)
        assert torch.equal(replayed, wan.follow(rules))
        tape.keep([0.0] * plan.calls, engine.ledger.order, 2)
    assert known[0] == 0 < known[1] < STEPS == known[2]
