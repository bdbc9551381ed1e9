import json
import time
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from systems.open_sora_plan.seeded import fill, numbers
from systems.open_sora_plan.small import FIXTURE, digest_of_keys, small_vae

from pab_bench.systems.open_sora_plan.vae import CausalVAEModel
from pab_bench.systems.open_sora_plan.vae_tiling import Tiling, chunks_of_time, code_in_tiles

RECORDED = json.loads((FIXTURE / "vae_seeded.json").read_text())
GOLDEN = load_file(FIXTURE / "vae_seeded.safetensors")


@pytest.fixture(scope="module")
def recorded_vae():
    vae = CausalVAEModel(**RECORDED["constructor_kwargs"]).eval()
    fill(vae)
    return vae


@pytest.mark.parametrize("case", RECORDED["tilings"])
@torch.no_grad()
def test_upstreams_moments_and_videos_whole_and_in_tiles(recorded_vae, case):
    tiling = RECORDED["tilings"][case]
    recorded_vae.tiling = tiling and Tiling(*tiling)
    video = numbers(RECORDED["video_shape"], 1).clamp(-1, 1)
    moments = recorded_vae.encode(video).latent_dist.parameters
    assert (moments - GOLDEN[f"moments/{case}"]).abs().max() < 1e-4
    decoded = recorded_vae.decode(numbers(RECORDED["latents_shape"], 2)).sample
    assert (decoded[..., ::8, ::8] - GOLDEN[f"video/{case}"]).abs().max() < 1e-4


def test_the_full_size_model_has_upstreams_keys():
    start = time.perf_counter()
    with torch.device("meta"):
        vae = CausalVAEModel()
    assert time.perf_counter() - start < 10
    assert len(vae.state_dict()) == 260
    assert sum(p.numel() for p in vae.parameters()) == 246_859_499
    assert digest_of_keys(vae) == (
        "5f2175c96344ca16bcbe83bf66aecde5e44c7e088385d571f472d944facefa2b"
    )


@torch.no_grad()
def test_shapes_of_latents_and_videos():
    vae = small_vae()
    for frames, latent_frames in ((1, 1), (5, 2), (9, 3)):
        posterior = vae.encode(torch.zeros(2, 3, frames, 16, 24)).latent_dist
        assert posterior.mean.shape == (2, 4, latent_frames, 2, 3)
        assert vae.decode(posterior.mean).sample.shape == (2, 3, frames, 16, 24)


@torch.no_grad()
def test_forward_samples_with_a_generator():
    vae, video = small_vae(), torch.zeros(1, 3, 5, 16, 16)
    sampled = [
        vae(video, sample_posterior=True, generator=torch.Generator().manual_seed(seed)).sample
        for seed in (0, 0, 1)
    ]
    assert torch.equal(sampled[0], sampled[1])
    assert not torch.equal(sampled[0], sampled[2])
    assert torch.equal(vae(video).sample, vae(video).sample)


def test_it_can_be_trained_and_saved(tmp_path):
    vae = small_vae().train()
    video = numbers((1, 3, 5, 16, 16), 0).clamp(-1, 1)
    (vae(video).sample - video).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vae.parameters())
    vae.save_pretrained(tmp_path)
    loaded = CausalVAEModel.from_pretrained(tmp_path)
    for name in ("hidden_size", "num_res_blocks", "norm_num_groups", "scaling_factor"):
        assert loaded.config[name] == vae.config[name]
    with torch.no_grad():
        assert torch.equal(loaded(video).sample, vae.eval()(video).sample)


def test_tensors_of_upstreams_training_program_are_ignored(tmp_path):
    from safetensors.torch import save_file

    vae = small_vae()
    vae.save_pretrained(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    save_file(load_file(file) | {"loss.logvar": torch.zeros(1)}, file)
    _, report = CausalVAEModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attn_resolutions": [16]}, "attn_resolutions: must be empty"),
        ({"double_z": False}, "double_z"),
        ({"encoder_attention": "AttnBlock3D"}, "encoder_attention: expected one of"),
        (
            {"decoder_temporal_upsample": ["", "", "TimeUpsample2x", ""]},
            "decoder_temporal_upsample",
        ),
        ({"encoder_resnet_blocks": ["ResnetBlock3D"]}, "expected 4 levels, got 1"),
        ({"norm_num_groups": 3}, "norm_num_groups: must divide"),
    ],
)
def test_other_architectures_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        CausalVAEModel(**{"hidden_size": 8, "norm_num_groups": 8} | changes)


@pytest.mark.parametrize("shape", [(4, 16, 16), (5, 12, 16), (5, 16, 20)])
def test_sizes_without_latents_are_refused(shape):
    with pytest.raises(ValueError, match="frames - 1 must be a multiple of 4"):
        small_vae().encode(torch.zeros(1, 3, *shape))


@given(st.integers(1, 200), st.integers(2, 40))
def test_pieces_of_time_share_one_frame_with_the_next(frames, length):
    chunks = chunks_of_time(frames, length)
    assert chunks[0][0] == 0
    assert chunks[-1][1] == frames
    assert all(end - start <= length for start, end in chunks)
    assert all(first[1] - 1 == second[0] for first, second in pairwise(chunks))


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
    st.integers(2, 6),
    st.sampled_from([(4, 0.0), (4, 0.25), (8, 0.25), (5, 0.4), (6, 0.5)]),
)
def test_tiles_of_the_identity_are_the_whole(shape, length, tile):
    video = numbers((1, 1, *shape), 0)
    size, overlap = tile
    whole = code_in_tiles(video, torch.clone, length, size, size, overlap)
    # The blended sum of a number with itself may differ in the last place.
    assert torch.allclose(whole, video, rtol=0, atol=1e-6)


def test_small_videos_are_coded_as_a_whole():
    vae = small_vae()
    latents = numbers((1, 4, 3, 2, 2), 0)
    with torch.no_grad():
        whole = vae.decode(latents).sample
        vae.enable_tiling()
        assert torch.equal(vae.decode(latents).sample, whole)
        vae.enable_tiling(Tiling(16, 2, 5, 2, overlap=0.5))
        assert not torch.equal(vae.decode(latents).sample, whole)
        vae.disable_tiling()
        assert torch.equal(vae.decode(latents).sample, whole)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_frames": 1},
        {"latent_frames": 0},
        {"overlap": 1.0},
        {"overlap": 0.9, "latent_size": 4},
    ],
)
def test_tiles_that_do_not_advance_are_refused(wrong):
    with pytest.raises(ValueError, match=r"at least|below|too small"):
        Tiling(**wrong)


@pytest.mark.parametrize("tiling", [Tiling(24, 3, 9, 3), Tiling(32, 4, 9, 3, overlap=0.3)])
def test_tiles_that_do_not_join_are_refused(tiling):
    """Upstream's would come out too large or too small: positions and crops are rounded apart."""
    with pytest.raises(ValueError, match="do not join"):
        small_vae().enable_tiling(tiling)
