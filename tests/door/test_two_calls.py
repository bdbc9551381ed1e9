"""A pipeline that calls its transformer twice a step, or in other ways than once."""

import pytest
import torch
from systems.contract import every
from systems.diffusers import tiny
from systems.diffusers.driven import GUIDANCE, KNOWN, STEPS, whole
from systems.diffusers.tiny_cosmos import transformer as cosmos_transformer

import pab_bench as pb
from pab_bench.engine.engine import Engine, PlanMismatch
from pab_bench.errors import ConfigError
from pab_bench.methods.pab_plan import make_plan
from pab_bench.systems.registry import architecture_of


@pytest.fixture(scope="module")
def wan():
    return tiny.wan()


def make(pipe, guidance=GUIDANCE, name="wan"):
    return whole(pipe, KNOWN[name], guidance=guidance)[1]


@pytest.mark.parametrize("gap", [1, 2])
def test_both_calls_follow_the_plan_apart(wan, gap):
    with pb.attach(wan, every(gap), lanes=2) as run:
        latents, again = make(wan), make(wan)
    assert torch.equal(latents, again)
    assert torch.equal(latents, make(wan)) == (gap == 1)
    assert run.videos == 2
    assert run.timesteps == tuple(wan.scheduler.timesteps.tolist())
    assert {len(visits) for visits in run.ledger.visits.values()} == {2}
    architecture = architecture_of(wan.transformer)
    plan = make_plan(every(gap), run.timesteps, architecture.depth, architecture.groups)
    with Engine(architecture, plan, lanes=2):
        assert torch.equal(make(wan), latents)


def test_the_recommended_windows_are_the_models(wan):
    with pb.attach(wan, pb.PAB(spatial_gap=2), lanes=2) as run:
        make(wan)
    low, high = 380, 955
    assert [low < t < high for t in run.timesteps] == [False, True, True, True]
    assert run.plan.reuse_share("spatial") == 0.5


@pytest.mark.parametrize(("lanes", "guidance"), [(1, GUIDANCE), (2, 1.0)])
def test_another_number_of_calls_is_refused(wan, lanes, guidance):
    with (
        pytest.raises(PlanMismatch, match="twice, pass lanes=2"),
        pb.attach(wan, every(2), lanes=lanes),
    ):
        make(wan, guidance)
    assert torch.isfinite(make(wan)).all()


@pytest.mark.parametrize("name", ["mochi", "hunyuan"])
def test_groups_of_several_sizes(name):
    pipe = getattr(tiny, name)()
    bare = make(pipe, name=name)
    with pb.attach(pipe, every(1)) as run:
        assert torch.equal(make(pipe, name=name), bare)
    assert sum(run.ledger.totals()[own]["computed"] for own in KNOWN[name].groups) == (
        STEPS * sum(KNOWN[name].groups.values())
    )
    assert list(run.timesteps) == sorted(run.timesteps, reverse=True)
    with pb.attach(pipe, every(2)):
        assert not torch.equal(make(pipe, name=name), bare)


def test_calls_that_do_not_tell_their_timestep_are_refused():
    transformer = cosmos_transformer(in_channels=4, out_channels=4, text_embed_dim=8)
    with pytest.raises(ConfigError, match=r"^CosmosTransformer3DModel: its calls do not tell"):
        pb.attach(transformer, every(2), timesteps=[1.0, 0.5], lanes=2)


def test_a_timestep_for_every_token_is_the_largest():
    architecture = architecture_of(tiny.wan_transformer().bfloat16())
    told = architecture.timestep((), {"timestep": torch.tensor([[0.0, 937.0, 937.0]])})
    assert told == 937
