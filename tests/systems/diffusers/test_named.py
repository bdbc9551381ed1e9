"""Models with names of their own: the same sites as found by rule, and gates that are known."""

import hashlib

import pytest
import torch
from systems.diffusers.driven import KNOWN, STEPS, drive, every, only

from pab_bench.engine.kept import through
from pab_bench.engine.kinds import KINDS
from pab_bench.methods.rules import Rules
from pab_bench.probes.attention_difference import AttentionDifference

GATELESS = {"wan": {"cross"}, "ltx_video": {"cross"}}
"""Kinds without any gate, by system."""


def test_sites_are_those_found_by_rule(named, found):
    ours, theirs = named.sampler.architecture, found.sampler.architecture
    assert ours.groups == theirs.groups
    assert dict(ours.depths) == dict(theirs.depths)
    assert ours.depth == theirs.depth
    assert dict(ours.left_out) == dict(theirs.left_out)
    visited = []
    for driven in (named, found):
        with driven.engine(Rules()) as engine:
            driven.denoise()
        visited.append(engine.ledger.order)
    assert visited[0] == visited[1]


@pytest.mark.parametrize("kept", ["output", "ungated"])
def test_a_gap_of_one_is_the_bare_pipeline(named, kept):
    assert torch.equal(named.follow(every(1), kept), named.bare()[1])


@pytest.mark.parametrize("gap", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_every_kind_has_an_effect_that_depends_on_what_is_kept(named, found, gap):
    bare, own = named.bare()[1], {group.kind for group in named.sampler.architecture.groups}
    for kind in KINDS:
        rules = only(kind, gap)
        if kind not in own:
            assert named.plan(rules).is_baseline()
            continue
        ungated, output = (named.follow(rules, kept) for kept in ("ungated", "output"))
        assert torch.equal(ungated, found.follow(rules))
        assert not torch.equal(ungated, bare)
        assert torch.equal(ungated, output) == (kind in GATELESS.get(named.known.system, ()))
    scores = named.follow(only("spatial", gap), "scores")
    assert torch.isfinite(scores).all()
    assert not torch.equal(scores, bare)


@pytest.mark.parametrize("gap", [2, 3])
def test_before_the_gate_all_kinds_are_what_whole_modules_give(named, found, gap):
    assert torch.equal(named.follow(every(gap)), found.follow(every(gap)))


@pytest.mark.parametrize(
    "name",
    [
        "wan",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name, known in KNOWN.items()
            if known.system and name != "wan"
        ),
    ],
)
def test_all_that_holds_in_bfloat16(saved, name):
    ours, theirs = (
        drive(name, saved(name), "bfloat16", system=system)
        for system in (KNOWN[name].system, "diffusers")
    )
    bare = ours.denoise()
    for kept in ("output", "ungated"):
        assert torch.equal(ours.follow(every(1), kept), bare)
    reused = ours.follow(every(2))
    assert torch.equal(reused, theirs.follow(every(2)))
    assert not torch.equal(reused, bare)
    assert torch.isfinite(reused).all()


def digests(transformers):
    """A list of digests of all tensors that transformers are called with, and the hooks for it."""
    seen = []

    def note(module, args, kwargs):
        tensors = [own for own in (*args, *kwargs.values()) if isinstance(own, torch.Tensor)]
        content = hashlib.sha256()
        for own in tensors:
            content.update(own.detach().numpy().tobytes())
        seen.append((len(tensors), sorted(kwargs), content.hexdigest()))

    return seen, [own.register_forward_pre_hook(note, with_kwargs=True) for own in transformers]


def test_the_transformers_calls_are_the_pipelines_own(named):
    bare, hooks = digests(named.transformers)
    named.denoise()
    ours, more = digests(named.transformers)
    with named.engine(every(1), "output"):
        named.denoise()
    for hook in (*hooks, *more):
        hook.remove()
    assert bare == ours + ours
    assert len(ours) == STEPS * named.known.lanes
    assert len({digest for *_, digest in ours}) == len(ours)


def test_no_output_is_zero_and_all_is_restored(named):
    recorder = AttentionDifference()
    assert torch.equal(named.follow(Rules(), "output", observers=[recorder]), named.bare()[1])
    rows = recorder.rows(named.sampler.timesteps(STEPS))
    sites = sum(named.known.groups.values()) * named.known.lanes
    assert len(rows) == 2 * sites * (STEPS - named.known.transformers)
    assert all(row["energy"] > 0 and row["mse"] > 0 for row in rows)
    modules = [module for own in named.transformers for module in own.modules()]
    assert not any("forward" in module.__dict__ for module in modules)
    assert torch.equal(named.denoise(), named.bare()[1])


def test_what_a_site_gives_back_is_added_as_it_is(named):
    """So what `output` keeps is the change of the residual streams: nothing comes behind it."""
    architecture = named.sampler.architecture
    calls = {}
    hooks = [
        block.module.register_forward_pre_hook(
            lambda module, args, kwargs: calls.setdefault(module, (args, kwargs)), with_kwargs=True
        )
        for block in architecture.blocks()
    ]
    named.denoise()
    for hook in hooks:
        hook.remove()
    for block in architecture.blocks():
        if block.branch == "single":
            continue  # What it attends to goes through a layer before it is added.
        (zeros, none), (ones, some) = (
            answered(architecture, block, calls[block.module], value) for value in (0.0, 1.0)
        )
        assert none == some == [g for g in architecture.groups if g in none]
        # Of the text: its MLP, and its part of the joint attention.
        texts = sum(group.branch == "text" for group in none)
        for before, after, count in zip(zeros, ones, (len(none) - texts, 2 * texts), strict=False):
            assert torch.allclose(after, before + count, atol=1e-4)


def answered(architecture, block, call, value):
    """What a block makes of sites that give back tensors of one value, and the sites in order."""
    visited = []

    def visit(group, index, compute, gate):
        visited.append(group)
        output = through(gate, compute())
        if isinstance(output, tuple):
            return tuple(torch.full_like(own, value) for own in output)
        return torch.full_like(output, value)

    args, kwargs = call
    with torch.no_grad():
        result = architecture.block_forward(block, visit)(*args, **kwargs)
    return result if isinstance(result, tuple) else (result,), visited
