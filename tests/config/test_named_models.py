"""`conf/model` of models with names of their own, against facts and their schedulers."""

import json
from pathlib import Path

import diffusers
import numpy as np
import pytest
from diffusers.pipelines.ltx.pipeline_ltx import calculate_shift
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule

from pab_bench.config.compose import compose, options, read_option
from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.noise_levels import noise_levels
from pab_bench.systems.registry import SYSTEMS

FACTS = json.loads((Path(__file__).parents[1] / "fixtures" / "models" / "named.json").read_text())
SAME = ("repository", "depth", "frames", "height", "width", "steps", "guidance", "flow_shift")


def unipc(steps, **more):
    own = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    scheduler = diffusers.UniPCMultistepScheduler(**own, **more)
    scheduler.set_timesteps(steps)
    return scheduler


def euler(sigmas, mu=None, **more):
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(**more)
    scheduler.set_timesteps(sigmas=sigmas, mu=mu)
    return scheduler


def scheduler_of(name, model):
    """As the model's pipeline sets it, with the released configuration."""
    steps, shift = model.steps, model.flow_shift
    if model.system == "wan":
        return unipc(steps, flow_shift=shift)
    if model.system == "hunyuan_video":
        return euler(np.linspace(1, 0, steps + 1)[:-1], shift=shift)
    if name == "cosmos":
        return unipc(steps, use_karras_sigmas=True, sigma_max=200.0, sigma_min=0.01)
    if name == "cosmos_1":
        edm = diffusers.EDMEulerScheduler(sigma_max=80.0, final_sigmas_type="sigma_min")
        edm.set_timesteps(steps)
        return edm
    if name == "mochi":
        sigmas = np.array(linear_quadratic_schedule(steps, 0.025))
        return euler(sigmas, invert_sigmas=True)
    assert name == "ltx_video"
    range_ = {"base_shift": 0.95, "max_shift": 2.05}
    tokens = ((model.frames - 1) // 8 + 1) * (model.height // 32) * (model.width // 32)
    return euler(
        np.linspace(1, 1 / steps, steps),
        mu=calculate_shift(tokens, 1024, 4096, *range_.values()),
        use_dynamic_shifting=True,
        shift_terminal=0.1,
        **range_,
    )


@pytest.fixture(scope="module", params=FACTS)
def named(request):
    return request.param, compose(model=request.param, prompts="pab_demo")


def test_every_model_of_these_systems_has_facts():
    driven = {n for n in SYSTEMS if SYSTEMS.load(n).defaults is not None} - {"diffusers"}
    values = {name: read_option("model", name) for name in options("model")}
    released = {name for name, own in values.items() if own["repository"] is not None}
    assert {name for name in released if values[name]["system"] in driven} == set(FACTS)
    assert {own["system"] for own in values.values()} >= driven


def test_numbers_are_the_facts(named):
    name, settings = named
    facts, model = FACTS[name], settings.model
    own = {**{key: getattr(model, key, None) for key in SAME}}
    own |= {"steps": settings.steps, "guidance": settings.guidance}
    assert own == {key: facts[key] for key in SAME}
    assert facts["transformer"] in SYSTEMS.load(model.system).transformers
    assert hasattr(diffusers, facts["pipeline"])
    assert settings.dtype == "bfloat16"
    assert settings.method.broadcast_object == "output"
    windows = read_option("model", name)["threshold"]
    assert sorted(kind for kind, window in windows.items() if window) == facts["kinds"]


def test_windows_hold_the_middle_70_percent_of_the_steps(named):
    name, _ = named
    values = read_option("model", name)
    levels = noise_levels(scheduler_of(name, _Numbers(values)))
    assert len(levels) == values["steps"]
    for low, high in filter(None, values["threshold"].values()):
        inside = [low < level < high for level in levels]
        assert sum(inside) == round(0.7 * len(levels))
        before, after = inside.index(True), inside[::-1].index(True)
        assert abs(before - after) <= 1


class _Numbers:
    """A model's configuration by attributes."""

    def __init__(self, values):
        vars(self).update(values)


@pytest.mark.parametrize(
    ("model", "shift", "reason"),
    [
        ("wan", "0", "must be a number above 0"),
        ("wan", "nan", "must be a number above 0"),
        ("latte_mini", "3", "must be null: latte has no such choice"),
    ],
)
def test_a_shift_that_cannot_be_meant(model, shift, reason):
    with pytest.raises(ConfigError, match=rf"^model\.flow_shift=\S+: {reason}"):
        compose(model=model, prompts="pab_demo", **{"model.flow_shift": float(shift)})
