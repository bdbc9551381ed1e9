"""What the configuration knows about CogVideoX before anything is loaded."""

from collections.abc import Callable

import pytest
from diffusers import CogVideoXDDIMScheduler

from pab_bench.config.settings import Settings
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.rules import GapRule
from pab_bench.problems import InvalidSettings
from pab_bench.systems.timesteps.ddim_trailing import ddim_trailing_timesteps
from pab_bench.systems.timesteps.known import known_timesteps

COGVIDEOX = ("model=cogvideox", "prompts=pab_demo")


def test_timesteps_are_those_of_the_scheduler() -> None:
    scheduler = CogVideoXDDIMScheduler(timestep_spacing="trailing", rescale_betas_zero_snr=True)
    refused = 0
    for steps in range(1, 1001):
        scheduler.set_timesteps(steps)
        expected = tuple(scheduler.timesteps.tolist())
        timesteps = known_timesteps("ddim_trailing", steps)
        assert timesteps == ddim_trailing_timesteps(steps)
        if timesteps is None:
            assert (len(expected), expected[-1]) == (steps + 1, -1)
            refused += 1
        else:
            assert timesteps == expected
            assert len(timesteps) == steps
    assert 0 < refused < 100


def test_it_is_pinned(settings_of: Callable[..., Settings]) -> None:
    settings = settings_of(*COGVIDEOX)
    model = settings.model
    assert model.repository == "THUDM/CogVideoX-2b"
    assert model.revision is not None
    assert len(model.revision) == 40
    assert (model.depth, model.frames, model.height, model.width) == (30, 49, 480, 720)
    assert (settings.steps, settings.guidance, settings.dtype) == (50, 6.0, "float16")
    assert settings.method.rules.spatial.threshold == (100, 800)


def test_rules_for_what_it_has_not_are_off_with_a_notice(
    settings_of: Callable[..., Settings],
) -> None:
    plain = settings_of("spatial_gap=2", *COGVIDEOX)
    assert plain.method.rules.temporal == plain.method.rules.cross == GapRule()
    assert plain.notices == ()
    more = settings_of(
        "spatial_gap=2", "temporal_gap=3", "temporal_threshold=[1,999]", "cross_gap=4", *COGVIDEOX
    )
    assert more.notices == (
        "temporal_gap=3 has no effect: the model has no temporal attention",
        "cross_gap=4 has no effect: the model has no cross attention",
    )
    assert settings_identity(more) == settings_identity(plain)


def test_its_baseline_needs_no_rules_for_what_it_has_not(
    settings_of: Callable[..., Settings],
) -> None:
    assert settings_of("spatial_skip=false", *COGVIDEOX).is_baseline()
    assert not settings_of("spatial_gap=2", *COGVIDEOX).is_baseline()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps=61", "steps=61: makes diffusers' scheduler end with timestep -1; take 60"),
        ("steps=122", "steps=122: makes diffusers' scheduler end with timestep -1; take 120"),
        ("model.steps=61", "model.steps=61: makes diffusers' scheduler end"),
        ("temporal_threshold=[9,1]", "temporal_threshold=[9,1]: must be [low,high]"),
        ("temporal_block=[30,31]", "temporal_block=[30,31]: begins beyond the model's last block"),
        ("spatial_threshold=[980,998] spatial_gap=2", "50 timesteps go from 999 to 19"),
        ("preset=pab246", "the model recommends none: model.mlp.keys=null"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    override: str, message: str, settings_of: Callable[..., Settings]
) -> None:
    with pytest.raises(InvalidSettings) as caught:
        settings_of(*COGVIDEOX, *override.split())
    assert message in str(caught.value)
