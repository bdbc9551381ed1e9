import time

import numpy as np
import pytest
import torch
from diffusers import LatteTransformer3DModel
from systems.open_sora_plan.seeded import numbers
from systems.open_sora_plan.small import (
    LATENT_FRAMES,
    SIDE,
    digest_of_keys,
    small_transformer,
)

from pab_bench.minis.text_encoder import TEXT_WIDTH
from pab_bench.systems.open_sora_plan.transformer import LatteT2V, temporal_positions

TIME = torch.tensor([741, 741])


def inputs(frames=LATENT_FRAMES, words=6):
    return {
        "hidden_states": numbers((2, 4, frames, SIDE, SIDE), 0),
        "timestep": TIME,
        "encoder_hidden_states": numbers((2, words, TEXT_WIDTH), 1),
    }


def test_the_full_size_model_has_upstreams_keys():
    start = time.perf_counter()
    with torch.device("meta"):
        model = LatteT2V()
    assert time.perf_counter() - start < 10
    assert len(model.state_dict()) == 968
    assert sum(p.numel() for p in model.parameters()) == 1_057_246_880
    assert digest_of_keys(model) == (
        "b2489ad88133df5004ab0e7cdcebdf95c1f1bcdfbdd2bf149e0eb6902455c9f3"
    )


@torch.no_grad()
def test_it_is_latte_where_positions_agree():
    """Of 16 frames positions are not squeezed: diffusers' Latte computes the same."""
    ours = small_transformer(video_length=16)
    latte = LatteTransformer3DModel(
        **{
            key: ours.config[key]
            for key in (
                "num_attention_heads",
                "attention_head_dim",
                "in_channels",
                "out_channels",
                "num_layers",
                "cross_attention_dim",
                "attention_bias",
                "patch_size",
                "activation_fn",
                "num_embeds_ada_norm",
                "norm_type",
                "norm_elementwise_affine",
                "norm_eps",
                "caption_channels",
                "video_length",
            )
        },
        sample_size=SIDE,
    ).eval()
    report = latte.load_state_dict(ours.state_dict(), strict=False)
    assert report.missing_keys == []
    assert report.unexpected_keys == ["caption_projection.y_embedding"]
    for temporal in (True, False):
        given = inputs(16) | {"enable_temporal_attentions": temporal}
        assert torch.equal(ours(**given).sample, latte(**given).sample)


@torch.no_grad()
def test_masked_words_count_as_little_as_none():
    model = small_transformer()
    whole = inputs(words=6)
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]] * 2)
    cut = whole | {"encoder_hidden_states": whole["encoder_hidden_states"][:, :4]}
    masked = model(**whole, encoder_attention_mask=mask).sample
    assert torch.allclose(masked, model(**cut).sample, atol=1e-6)
    assert not torch.allclose(masked, model(**whole).sample, atol=1e-4)


@torch.no_grad()
def test_kept_tokens_do_not_see_dropped_ones():
    model = small_transformer()
    given = inputs() | {"enable_temporal_attentions": False}
    mask = torch.ones(2, LATENT_FRAMES, SIDE, SIDE)
    mask[..., 4:] = 0
    mask[..., 4] = 1  # A token with one kept pixel is kept: the columns 4 and 5 are.
    changed = given["hidden_states"].clone()
    changed[..., 6:] = numbers(changed[..., 6:].shape, 2)
    before = model(**given, attention_mask=mask).sample[..., :6]
    after = model(**given | {"hidden_states": changed}, attention_mask=mask).sample[..., :6]
    assert torch.allclose(before, after, atol=1e-6)
    unmasked = model(**given | {"hidden_states": changed}).sample[..., :6]
    assert not torch.allclose(after, unmasked, atol=1e-4)


@pytest.mark.parametrize(
    ("frames", "squeezed"), [(5, 1), (16, 1), (17, 1), (33, 2), (32, 2), (56, 3)]
)
def test_positions_in_time_are_squeezed_to_16_frames(frames, squeezed):
    angles = np.outer(np.arange(frames) / squeezed, 1 / 10000 ** (np.arange(4) / 4))
    expected = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    assert np.allclose(temporal_positions(8, frames)[0], expected, atol=1e-6)
    assert torch.equal(temporal_positions(8, frames, squeezed), temporal_positions(8, frames))


def test_save_and_load(tmp_path):
    model = small_transformer()
    model.save_pretrained(tmp_path)
    loaded, report = LatteT2V.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    with torch.no_grad():
        assert torch.equal(loaded(**inputs()).sample, model(**inputs()).sample)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_rope": True}, "use_rope: must be False"),
        ({"compress_kv_factor": 2}, "compress_kv_factor: must be 1"),
        ({"norm_type": "ada_norm"}, "norm_type: must be ada_norm_single"),
        ({"sample_size": [8, 16]}, "sample_size: must be a square"),
    ],
)
def test_settings_with_other_mathematics_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small_transformer(**changes)


def test_wrong_sizes_are_refused():
    model = small_transformer()
    with pytest.raises(ValueError, match="the model is for 3 latent frames, got 4"):
        model(**inputs(4))
    odd = inputs() | {"hidden_states": torch.zeros(2, 4, LATENT_FRAMES, SIDE, SIDE - 1)}
    with pytest.raises(ValueError, match="multiples of 2, got 8 x 7"):
        model(**odd)
