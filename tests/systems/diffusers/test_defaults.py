"""What a configuration leaves open is the pipeline's own, as numbers."""

import pytest
from systems.diffusers.driven import KNOWN

from pab_bench.config.compose import compose
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity

OWN = {  # frames, height, width, steps, guidance: as diffusers' documentation has them.
    "wan": (81, 480, 832, 50, 5.0),
    "ltx": (161, 512, 704, 50, 3.0),
    "mochi": (19, 480, 848, 64, 4.5),
    "hunyuan": (129, 720, 1280, 50, 6.0),
    "latte": (16, 512, 512, 50, 7.5),
    "skyreels": (97, 544, 960, 50, 6.0),
    "sana": (81, 480, 832, 50, 6.0),
    "cogvideox": (9, 32, 32, 50, 6.0),  # Of the tiny transformer's own size.
}


@pytest.mark.parametrize("name", OWN)
def test_numbers_of_the_pipeline_are_taken(saved, name):
    settings = compose(model="diffusers", **{"model.path": str(saved(name))})
    model = settings.model
    found = model.frames, model.height, model.width, settings.steps, settings.guidance
    assert found == OWN[name]
    assert model.depth == KNOWN[name].depth
    identity = settings_identity(settings)
    assert identity["model"]["frames"] == model.frames
    assert identity["steps"] == settings.steps
    assert str(saved(name)) not in str(identity)


def test_what_the_pipeline_does_not_say_must_be_said(saved):
    path = {"model.path": str(saved("hunyuan15"))}
    with pytest.raises(ConfigError) as caught:
        compose(model="diffusers", **path)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["model.height=null", "model.width=null"]
    settings = compose(model="diffusers", **path, **{"model.height": 480, "model.width": 832})
    assert settings.model.frames == 121
    assert settings.guidance == 6.0  # The guider's.


def test_few_steps_are_told(saved):
    path = {"model.path": str(saved("wan"))}
    (notice,) = compose(model="diffusers", steps=9, **path).notices
    assert notice.startswith("steps=9: with fewer than 10 steps")
    assert compose(model="diffusers", steps=10, **path).notices == ()
    assert compose(steps=9).notices == ()


def test_what_is_said_wins(saved):
    path = {"model.path": str(saved("wan"))}
    settings = compose(model="diffusers", steps=7, **path, **{"model.frames": 5})
    assert (settings.steps, settings.model.frames, settings.model.height) == (7, 5, 480)
    assert compose(model="diffusers", **path, dtype="bf16").dtype == "bfloat16"
