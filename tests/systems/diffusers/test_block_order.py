"""Blocks in order, as they were seen, and runs of them left out in real pipelines."""

import pytest
import torch
from systems.diffusers.driven import GUIDANCE, STEPS, drive

from pab_bench.engine.boundaries import within_transformers
from pab_bench.engine.engine import Engine
from pab_bench.engine.places import Run
from pab_bench.engine.policy import Policy
from pab_bench.engine.sites import transformers_of
from pab_bench.engine.stack import stack_of, stack_sites
from pab_bench.errors import ConfigError
from pab_bench.methods.base import facts_of, plan_of
from pab_bench.methods.delta_dit_pab import DeltaDitPab
from pab_bench.methods.tables import open_plan
from pab_bench.methods.taylorseer import TaylorSeer
from pab_bench.registry import load
from pab_bench.systems.base import lanes_of
from pab_bench.systems.registry import SYSTEMS

CHANGED = {"latte": "what transformer_blocks.0 gives back is changed before temporal_"}
"""Pipelines whose blocks cannot be left out in runs, and why."""
METHOD = DeltaDitPab(("0-3:0-1",), 2, "corrected")


class Through(Policy):
    """Names a run, and leaves nothing out."""

    places = frozenset({"stack"})

    def run(self, at):
        return Run(0, 1)


def test_the_order_is_told_or_why_not(driven):
    architecture = driven.sampler.architecture
    stack = stack_of(architecture)
    if driven.name in CHANGED:
        assert stack == ()
        assert architecture.no_stack.startswith(CHANGED[driven.name])
        with pytest.raises(
            ConfigError, match=r"method=delta_dit_pab: needs the blocks of .* order"
        ):
            plan_of(METHOD, driven.sampler, STEPS, GUIDANCE)
        return
    assert architecture.no_stack == ""
    sites = [site for own in stack_sites(stack) for site in own]
    assert sorted(sites) == sorted(
        {(group, i) for group, n in architecture.depths.items() for i in range(n)}
    )
    assert len(stack) % len(transformers_of(architecture)) == 0


def test_runs_are_left_out_and_nothing_else_changes(driven):
    if driven.name in CHANGED:
        pytest.skip("its blocks cannot be left out in runs")
    sampler = driven.sampler
    lanes = lanes_of(sampler, GUIDANCE)
    facts = facts_of(METHOD, sampler, STEPS, GUIDANCE)
    plan = within_transformers(open_plan(facts), facts.transformers)
    with Engine(sampler.architecture, plan, lanes=lanes, policy=Through):
        whole = driven.denoise()
    assert torch.equal(whole, driven.denoise())
    plan = plan_of(METHOD, sampler, STEPS, GUIDANCE)
    with Engine(sampler.architecture, plan, lanes=lanes, policy=METHOD.policy(facts)) as engine:
        left_out = driven.denoise()
    engine.ledger.check(plan)
    assert engine.peak_cache_bytes > 0
    assert not torch.equal(left_out, whole)
    assert torch.isfinite(left_out).all()


@pytest.mark.parametrize("lite", [False, True])
def test_nothing_is_extrapolated_from_another_transformer(wan_2_2, lite):
    method = TaylorSeer(interval=2, before=1, lite=lite)
    facts = facts_of(method, wan_2_2.sampler, STEPS, GUIDANCE)
    # The second transformer is called from step 1 on, at which it must compute.
    assert [method.computes(call) for call in range(STEPS)] == [True, False, True, False]
    plan = plan_of(method, wan_2_2.sampler, STEPS, GUIDANCE)
    group = facts.groups[0]
    assert plan.reuse(group)[:, 0].tolist() == [False, False, False, True]
    architecture = wan_2_2.sampler.architecture
    with Engine(architecture, plan, lanes=2, policy=method.policy(facts)) as engine:
        latents = wan_2_2.denoise()
    engine.ledger.check(plan)
    assert torch.isfinite(latents).all()


NAMED = {"wan": "wan", "skyreels": "wan", "ltx": "ltx_video", "mochi": "mochi"} | {
    "hunyuan": "hunyuan_video"
}


@pytest.mark.parametrize("name", NAMED)
def test_named_systems_say_what_is_seen(saved, name):
    driven = drive(name, saved(name))
    transformer = driven.transformers[0]
    named = load(SYSTEMS.load(NAMED[name]).architecture)(transformer).stack()
    seen = stack_of(driven.sampler.architecture)
    assert [(b.module, b.index, b.takes) for b in named] == [
        (b.module, b.index, b.takes) for b in seen
    ]
    # What is kept in the order of `takes` is given back in that order.
    assert all(b.gives == tuple(range(len(b.takes))) for b in seen)
    assert {len(b.sites) for b in named} <= {1, 2, 3, 4}
    assert sum(len(b.sites) for b in named) >= len(named)
