"""Scales of guidance that are an argument of the call, a guider's, or nobody's."""

from types import SimpleNamespace

import pytest
from diffusers import ClassifierFreeGuidance

from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.call_names import CallNames
from pab_bench.systems.diffusers.guidance import guidance_arguments, usual_guidance

ARGUMENT = CallNames("num_frames", {"guidance_scale": 3})
NONE = CallNames("num_frames", {})


def test_an_argument_is_given():
    pipeline = SimpleNamespace(guider=None)
    assert guidance_arguments(pipeline, ARGUMENT, 7.0) == {"guidance_scale": 7.0}
    assert usual_guidance(ARGUMENT, None) == 3.0


def test_a_guider_is_set():
    guider = ClassifierFreeGuidance(guidance_scale=6.0, start=0.1)
    pipeline = SimpleNamespace(guider=guider)
    assert usual_guidance(NONE, guider.config) == 6.0
    assert guidance_arguments(pipeline, NONE, 2.0) == {}
    assert pipeline.guider.guidance_scale == 2.0
    assert pipeline.guider.config.start == 0.1
    assert guider.guidance_scale == 6.0


def test_a_scale_without_effect_is_refused():
    assert usual_guidance(NONE, None) == 1.0
    assert guidance_arguments(SimpleNamespace(), NONE, 1.0) == {}
    with pytest.raises(ConfigError, match=r"^guidance=2\.0: SimpleNamespace has no scale"):
        guidance_arguments(SimpleNamespace(), NONE, 2.0)
