import json
import time

import pytest
import torch
from systems.open_sora.small_vae import FIXTURE, noise, small_vae

from pab_bench.systems.open_sora.vae import OpenSoraVAE


@pytest.fixture(scope="module")
def vae():
    return small_vae()


def test_the_full_size_model_has_upstreams_keys_and_constants():
    released = json.loads((FIXTURE / "vae_keys_full.json").read_text())
    start = time.perf_counter()
    with torch.device("meta"):
        vae = OpenSoraVAE()
    assert time.perf_counter() - start < 10
    assert all(value.is_meta for value in vae.state_dict().values())
    shapes = {name: list(value.shape) for name, value in vae.state_dict().items()}
    assert shapes == released["keys"]
    assert vae.config.spatial == released["spatial_config"]
    assert vae.config.temporal | {"activation": "swish (SiLU)"} == released["temporal_config"]
    assert list(vae.config.latent_scale) == released["scale"]
    assert list(vae.config.latent_shift) == released["shift"]
    for name in ("spatial_latent_factor", "micro_frame_size", "micro_batch_size"):
        assert vae.config[name] == released[name]


@torch.no_grad()
def test_saved_and_loaded_it_is_the_same(vae, tmp_path):
    vae.save_pretrained(tmp_path)
    loaded = OpenSoraVAE.from_pretrained(tmp_path)
    latents = noise(1, 4, 6, 2, 2)
    assert loaded.decode(latents, 18).equal(vae.decode(latents, 18))
    assert json.loads((tmp_path / "config.json").read_text())["temporal"] == vae.config.temporal
    # The buffers are state, not only configuration.
    assert loaded.scale.equal(vae.scale)
    assert loaded.scale.flatten().tolist() != list(vae.config.latent_scale)


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 16, 8), (19, 16, 24)])
@torch.no_grad()
def test_encoded_and_decoded_sizes(vae, frames, height, width):
    latents = vae.encode(noise(2, 3, frames, height, width).clamp(-1, 1))
    assert latents.shape == (2, 4, *vae.latent_size(frames, height, width))
    assert vae.decode(latents, frames).shape == (2, 3, frames, height, width)


@torch.no_grad()
def test_encoding_normalises_the_mean_of_the_posterior(vae):
    video = noise(1, 3, 2, 16, 16).clamp(-1, 1)
    posterior = vae.posterior(video)
    means, log_variances = posterior.parameters.chunk(2, dim=1)
    assert posterior.mode().equal(means)
    assert posterior.logvar.equal(log_variances.clamp(-30, 20))
    torch.testing.assert_close(vae.encode(video) * vae.scale + vae.shift, means)


@torch.no_grad()
def test_chunks_do_not_see_each_other(vae):
    latents = noise(1, 4, 6, 2, 2)
    both = vae.temporal_decode(latents, 19)
    assert both[:, :, :17].equal(vae.temporal_decode(latents[:, :, :5], 17))
    assert both[:, :, 17:].equal(vae.temporal_decode(latents[:, :, 5:], 2))
    spatial = noise(1, 4, 19, 2, 2)
    both = vae.temporal_encode(spatial).parameters
    assert both[:, :, :5].equal(vae.temporal_encode(spatial[:, :, :17]).parameters)
    assert both[:, :, 5:].equal(vae.temporal_encode(spatial[:, :, 17:]).parameters)


@torch.no_grad()
def test_chunks_may_have_another_size(vae):
    shorter, whole = small_vae(micro_frame_size=5), small_vae(micro_frame_size=None)
    spatial = noise(1, 4, 18, 2, 2)
    assert [v.latent_size(18, 8, 8)[0] for v in (vae, shorter, whole)] == [6, 7, 5]
    for model in (shorter, whole):
        frames = model.latent_size(18, 8, 8)[0]
        latents = model.temporal_encode(spatial).mode()
        assert latents.shape[2] == frames
        assert model.temporal_decode(latents, 18).shape == spatial.shape
    assert whole.temporal_encode(spatial).parameters.equal(whole.temporal_vae.encode(spatial))


@torch.no_grad()
def test_micro_batches_do_not_change_the_numbers(vae):
    video, latents = noise(2, 3, 3, 16, 8), noise(2, 4, 1, 2, 1)
    for size in (1, None):
        other = small_vae(micro_batch_size=size)
        torch.testing.assert_close(other.encode(video), vae.encode(video), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            other.decode(latents, 3), vae.decode(latents, 3), atol=1e-5, rtol=0
        )


def test_gradients_reach_every_parameter():
    vae = small_vae()
    video = noise(1, 3, 5, 16, 16)
    posterior = vae.posterior(video)
    latents = (posterior.sample(torch.Generator().manual_seed(0)) - vae.shift) / vae.scale
    (vae.decode(latents, 5) - video).square().mean().backward()
    without = [n for n, p in vae.named_parameters() if p.grad is None or not p.grad.any()]
    # The softmax ignores what is added to all scores alike, as the bias of the keys is.
    assert [n for n in without if not n.endswith("to_k.bias")] == []


@torch.no_grad()
def test_tiles_bound_the_size_of_what_is_decoded_at_once(vae):
    sizes = []
    hook = vae.spatial_vae.module.decoder.register_forward_hook(
        lambda module, inputs, output: sizes.append(max(output.shape[-2:]))
    )
    latents = noise(1, 4, 1, 6, 10)
    try:
        whole = vae.decode(latents, 1)
        assert max(sizes) == 80
        sizes.clear()
        vae.enable_tiling(32)
        tiled = vae.decode(latents, 1)
        assert max(sizes) == 32
        assert tiled.shape == whole.shape
        assert not tiled.equal(whole)
        vae.disable_tiling()
        assert vae.decode(latents, 1).equal(whole)
    finally:
        hook.remove()
        vae.disable_tiling()
    with pytest.raises(ValueError, match="tile_size=40: must be a multiple of 32"):
        vae.enable_tiling(40)


@pytest.mark.parametrize(("frames", "message"), [(18, "needs 6 latent"), (0, "at least 1")])
def test_frames_that_do_not_fit_the_latents_are_refused(vae, frames, message):
    with pytest.raises(ValueError, match=f"num_frames={frames}: .*{message}"):
        vae.decode(noise(1, 4, 5, 2, 2), frames)


def test_channels_must_fit_each_other(vae):
    spatial, temporal = vae.config.spatial, vae.config.temporal
    with pytest.raises(ValueError, match=r"in_out_channels=8: must be spatial.latent_channels=4"):
        OpenSoraVAE(spatial, temporal | {"in_out_channels": 8})
    with pytest.raises(ValueError, match=r"temporal.embed_dim=4 values each, got 3 and 4"):
        OpenSoraVAE(spatial, temporal, latent_scale=(1, 1, 1))
