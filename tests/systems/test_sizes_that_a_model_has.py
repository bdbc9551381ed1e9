"""A size that a model's weights are not for is refused before anything is sampled."""

from dataclasses import replace

import pytest

from pab_bench.config.compose import compose
from pab_bench.problems import InvalidSettings
from pab_bench.systems.registry import check_videos


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
