"""What the configuration knows about Open-Sora-Plan before anything is loaded."""

from collections.abc import Callable

import pytest
from diffusers import PNDMScheduler

from pab_bench.config.settings import Settings
from pab_bench.methods.rules import KeyRule
from pab_bench.problems import InvalidSettings
from pab_bench.systems.timesteps.known import known_timesteps
from pab_bench.systems.timesteps.pndm import pndm_timesteps

PLAN = ("model=open_sora_plan", "prompts=pab_demo")


@pytest.mark.parametrize("steps", [4, 5, 7, 10, 30, 150, 333, 999, 1000])
def test_timesteps_are_those_of_the_scheduler(steps: int) -> None:
    scheduler = PNDMScheduler()
    scheduler.set_timesteps(steps)
    assert pndm_timesteps(steps) == tuple(scheduler.timesteps.tolist())
    assert known_timesteps("pndm", steps) == pndm_timesteps(steps)
    assert len(pndm_timesteps(steps)) == steps + 9


@pytest.mark.parametrize("steps", [0, 1, 3, 1001])
def test_impossible_numbers_of_steps_have_no_timesteps(steps: int) -> None:
    assert known_timesteps("pndm", steps) is None


@pytest.mark.parametrize(
    ("preset", "gaps"), [("pab246", (2, 4, 6)), ("pab357", (3, 5, 7)), ("pab579", (5, 7, 9))]
)
def test_paper_presets(
    preset: str, gaps: tuple[int, int, int], settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(f"preset={preset}", *PLAN)
    rules = settings.method.rules
    assert (settings.steps, settings.guidance) == (150, 7.5)
    assert (rules.spatial.gap, rules.temporal.gap, rules.cross.gap) == gaps
    assert {r.threshold for r in (rules.spatial, rules.temporal, rules.cross)} == {(100, 850)}
    assert isinstance(rules.mlp_spatial, KeyRule)
    assert rules.mlp_temporal == rules.mlp_spatial
    assert [k.timestep for k in rules.mlp_spatial.keys] == list(range(738, 425, -24))
    assert {k.reuse_steps for k in rules.mlp_spatial.keys} == {2}
    assert {k.blocks for k in rules.mlp_spatial.keys} == {frozenset(range(7))}
    assert rules.mlp_spatial.max_distance == 0
    assert settings.notices == ()


def test_it_is_pinned(settings_of: Callable[..., Settings]) -> None:
    model = settings_of(*PLAN).model
    assert model.repository == "LanguageBind/Open-Sora-Plan-v1.1.0"
    assert model.text_encoder.repository == "DeepFloyd/t5-v1_1-xxl"
    for revision in (model.revision, model.text_encoder.revision):
        assert revision is not None
        assert len(revision) == 40
    assert (model.depth, model.frames, model.height, model.width) == (28, 65, 512, 512)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps=3", "steps=3: must be a whole number of at least 4"),
        ("model.steps=2", "model.steps=2: must be a whole number of at least 4"),
        ("model.frames=16", "model.frames=16: must be 1 more than a multiple of 4"),
        ("model.height=520", "model.height=520: must be a positive multiple of 16"),
        ("model.width=8", "model.width=8: must be a positive multiple of 16"),
        ("spatial_threshold=[895,1000] spatial_gap=2", "159 timesteps go from 894 to 0"),
    ],
)
def test_what_cannot_be_sampled_is_refused(
    override: str, message: str, settings_of: Callable[..., Settings]
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        settings_of(*PLAN, *override.split())
    assert message in str(caught.value)


def test_keys_that_are_not_sampled_are_told(settings_of: Callable[..., Settings]) -> None:
    notices = settings_of("preset=pab246", "steps=100", *PLAN).notices
    assert any("are not among the 109 timesteps" in notice for notice in notices)
