"""A size that a model's weights are not for is refused before anything is sampled."""

from dataclasses import replace

import pytest

from pab_bench.config.compose import compose
from pab_bench.problems import InvalidSettings
from pab_bench.systems.registry import check_videos, get_blueprint


@pytest.mark.parametrize(
    ("name", "frames"), [("latte_mini", 8), ("open_sora_plan_mini", 5), ("open_sora_plan", 33)]
)
def test_other_frames_than_the_weights_are_for(name, frames):
    model = compose(model=name).model
    check_videos([(model, "float32")])
    with pytest.raises(InvalidSettings, match=f"model={name}: does not sample {frames} frames of"):
        check_videos([(replace(model, frames=frames), "float32")])


@pytest.mark.parametrize(
    ("name", "change"),
    [("cogvideox", {"frames": 13}), ("open_sora_mini", {"frames": 34}), ("latte", {"height": 256})],
)
def test_sizes_that_a_model_can_do(name, change):
    check_videos([(replace(compose(model=name).model, **change), "float32")])


def test_a_size_is_tried_once(monkeypatch):
    model = replace(compose(model="latte_mini").model, height=40)
    own = type(get_blueprint(model, "float32")).decode
    tried = []

    def counted(self, convention):
        tried.append(convention)
        return own(self, convention)

    monkeypatch.setattr(type(get_blueprint(model, "float32")), "decode", counted)
    for _ in range(2):
        check_videos([(model, "float32")])
    assert tried == ["model"]
    check_videos([(model, "float16")])
    assert tried == ["model", "model"]


def test_what_is_refused_once_is_refused_again():
    model = replace(compose(model="latte_mini").model, frames=8)
    for _ in range(2):
        with pytest.raises(InvalidSettings, match="does not sample 8 frames of"):
            check_videos([(model, "float32")])
