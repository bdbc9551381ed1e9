"""Which prompts a calibration is made of."""

from dataclasses import replace

import pytest

from pab_bench.calibration.prompts import calibration_prompts, divided
from pab_bench.config.compose import compose
from pab_bench.methods.calibration_file import shipped_calibration
from pab_bench.minis.captions import split_captions
from pab_bench.minis.crossing.captions import held_out_captions

MINIS = ("latte_mini", "open_sora_mini", "open_sora_plan_mini", "wan_mini")


@pytest.mark.parametrize("model", MINIS)
def test_a_mini_is_not_calibrated_on_what_it_is_measured_by(model):
    settings = compose(task="calibrate", method="magcache", model=model)
    found = calibration_prompts(settings)
    assert len(found) == 6
    assert set(found).isdisjoint(settings.prompts)
    unseen = {own.text for own in (*split_captions()[1], *held_out_captions(10))}
    assert set(found) <= unseen
    fitted, held_out = divided(replace(settings, prompts=found))
    assert (*fitted, *held_out) == found
    assert len(held_out) == 2


def test_other_prompts_are_taken_as_they_are():
    settings = compose(task="calibrate", method="magcache", prompts=["a cat", "a dog", "a cow"])
    assert calibration_prompts(settings) == ("a cat", "a dog", "a cow")


@pytest.mark.parametrize("method", ["magcache", "teacache"])
@pytest.mark.parametrize("model", MINIS)
def test_minis_have_their_calibration(model, method):
    settings = compose(method=method, model=model)
    own = shipped_calibration(method, model)
    assert settings.method.calibrated == own
    assert set(own.prompts).isdisjoint(settings.prompts)
    assert (own.steps, own.guidance) == (settings.steps, settings.guidance)
    assert settings.method.settings()["calibration"] == own.name
