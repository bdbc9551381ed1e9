"""Published sizes of ten models, from configurations alone: an independent count of their work.

The numbers were found by PyTorch's `FlopCounterMode` over forwards of diffusers' classes on the
`meta` device with hand-made inputs. A multiply-add is two operations; a call is one of the
transformer's at its batch: with guidance two samples where both halves are one call (LTX,
CogVideoX, Allegro, SANA-Video), and otherwise one. Kept: one kind's outputs in bfloat16, of all
lanes.
"""

from pathlib import Path

import pytest

from pab_bench.config.compose import compose
from pab_bench.cost.conventions import get_convention
from pab_bench.cost.step import step_of
from pab_bench.cost.transformer_work import transformer_work
from pab_bench.engine.kinds import CROSS
from pab_bench.systems.registry import get_blueprint

MODELS = Path(__file__).parents[1] / "fixtures" / "models"
pytestmark = pytest.mark.slow

PUBLISHED = [
    # Folder, frames, height, width: TFLOP of a call; shares of attention over the video, of
    # cross-attention and of MLPs; GB of one kind; calls in a step.
    ("wan_1.3b", 81, 480, 832, 283, (0.765, 0.044, 0.191), 6.0, 2),
    ("wan_14b", 81, 480, 832, 1678, (0.688, 0.091, 0.221), 26.8, 2),
    ("wan_14b", 81, 720, 1280, 6523, (0.815, 0.054, 0.131), 61.9, 2),
    ("wan2.2_5b", 121, 704, 1280, 521, (0.646, 0.070, 0.277), 10.1, 2),
    ("hunyuanvideo", 129, 720, 1280, 12069, (0.903, 0, 0.030), 43.9, 1),
    ("ltx_2b", 161, 512, 704, 74.3, (0.525, 0.101, 0.374), 1.7, 1),
    ("cosmos_7b", 121, 704, 1280, 2209, (0.754, 0.054, 0.192), 25.8, 2),
    ("cogvideox_2b", 49, 480, 720, 240, (0.738, 0, 0.262), 4.1, 1),
    ("cogvideox_5b", 49, 480, 720, 664, (0.661, 0, 0.339), 9.2, 1),
    ("allegro", 88, 720, 1280, 4478, (0.874, 0.030, 0.096), 23.4, 1),
    ("sana_video_2b", 81, 480, 832, 222, (0.242, 0.135, 0.622), 5.9, 1),
]


def settings_of(name, frames, height, width):
    size = {"model.frames": frames, "model.height": height, "model.width": width}
    path = {"model.path": str(MODELS / name)}
    return compose(model="diffusers", dtype="bfloat16", **path, **size)


def flops(work):
    return get_convention("transformer").count(work, "diffusers")


def shares(work):
    by_kind = dict.fromkeys(("spatial", "cross", "mlp"), 0)
    for group in work.sites:
        by_kind[group.kind] += flops(work.of(group))
    return [own / flops(work.total) for own in by_kind.values()]


@pytest.mark.parametrize(
    ("name", "frames", "height", "width", "tera", "by_kind", "kept", "lanes"), PUBLISHED
)
def test_published_sizes(name, frames, height, width, tera, by_kind, kept, lanes):
    settings = settings_of(name, frames, height, width)
    step = step_of(settings, 0)
    assert len(step) == lanes
    for work in step:
        assert float(f"{flops(work.total) / 1e12:.3g}") == float(f"{tera:.3g}")
        assert shares(work) == pytest.approx(by_kind, abs=6e-4)
    held = dict.fromkeys(("spatial", "cross", "mlp"), 0)
    for work in step:
        for group, sites in work.sites.items():
            sizes = (settings.cache.bytes_of(*own) for site in sites for own in site.kept)
            held[group.kind] += sum(sizes)
    assert round(held["spatial"] / 1e9, 1) == pytest.approx(kept, abs=0.06)


def test_kandinsky():
    """Its text is as long as the prompt; the published number is of 256 tokens."""
    settings = settings_of("kandinsky5_lite", 121, 512, 768)
    blueprint = get_blueprint(settings.model, settings.dtype)
    call, _ = blueprint.calls(settings.guidance, "a video")
    assert blueprint.padded_text_tokens == 512
    cut = {
        "encoder_hidden_states": call["encoder_hidden_states"][:, :256],
        "text_rope_pos": call["text_rope_pos"][:256],
    }
    work = transformer_work(blueprint.architecture, {**call, **cut}, "ungated")
    assert round(flops(work.total) / 1e12) == 660
    assert shares(work) == pytest.approx((0.847, 0.034, 0.119), abs=6e-4)
    (((elements, _),),) = {site.kept for site in work.sites[CROSS]}
    assert 2 * 2 * 32 * elements == pytest.approx(10.9e9, rel=5e-3)
