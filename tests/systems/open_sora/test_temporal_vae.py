import pytest
import torch
from systems.open_sora.small_vae import noise

from pab_bench.systems.open_sora.temporal_vae import CausalConv3d, TemporalVAE

SMALL = {
    "filters": 4,
    "num_res_blocks": 1,
    "channel_multipliers": [1, 2, 1],
    "temporal_downsample": [True, True],
    "num_groups": 2,
}


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return TemporalVAE(**SMALL).eval()


@pytest.mark.parametrize(
    ("kernel", "time_stride", "later"), [(1, 1, [5]), (3, 1, [5, 6, 7]), (3, 2, [2, 3])]
)
@torch.no_grad()
def test_a_convolution_sees_no_later_frame(kernel, time_stride, later):
    conv = CausalConv3d(2, 3, kernel, time_stride)
    video = noise(1, 2, 8, 3, 4)
    changed = video.clone()
    changed[:, :, 5] += 1
    before, after = conv(video), conv(changed)
    assert before.shape == (1, 3, 8 // time_stride, 3, 4)
    differing = [t for t in range(before.shape[2]) if not before[:, :, t].equal(after[:, :, t])]
    assert differing == later


@pytest.mark.parametrize("frames", [1, 3, 4, 6])
@torch.no_grad()
def test_four_frames_become_one_and_back(net, frames):
    moments = net.encode(noise(2, 4, frames, 3, 2))
    latent_frames = -(-frames // 4)
    assert moments.shape == (2, 8, latent_frames, 3, 2)
    assert net.decode(moments[:, :4], frames).shape == (2, 4, frames, 3, 2)


@torch.no_grad()
def test_missing_frames_are_zeros_in_front(net):
    video = noise(1, 4, 6, 3, 2)
    padded = torch.cat((torch.zeros(1, 4, 2, 3, 2), video), dim=2)
    assert net.encode(video).equal(net.encode(padded))


@torch.no_grad()
def test_surplus_frames_are_dropped_in_front(net):
    latents = noise(1, 4, 2, 3, 2)
    assert net.decode(latents, 6).equal(net.decode(latents, 8)[:, :, 2:])


@pytest.mark.parametrize("frames", [4, 9])
def test_frames_that_the_latents_do_not_hold_are_refused(net, frames):
    with pytest.raises(ValueError, match=f"num_frames={frames}: 2 latent frames hold 5 to 8"):
        net.decode(noise(1, 4, 2, 3, 2), frames)


def test_levels_and_downsampling_must_fit():
    with pytest.raises(ValueError, match=r"temporal_downsample=\[True\].*one entry fewer"):
        TemporalVAE(**SMALL | {"temporal_downsample": [True]})
    with pytest.raises(ValueError, match="num_groups=3: must divide filters=4"):
        TemporalVAE(**SMALL | {"num_groups": 3})
