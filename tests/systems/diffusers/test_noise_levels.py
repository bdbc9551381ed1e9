"""One scale of noise for schedulers that count in units of their own."""

import diffusers
import pytest
import torch

from pab_bench.systems.diffusers.noise_levels import UnknownSchedule, flow_sigmas, noise_levels


def levels(kind, steps=4, sigmas=None, **config):
    scheduler = getattr(diffusers, kind)(**config)
    if sigmas is None:
        scheduler.set_timesteps(steps)
    else:
        scheduler.set_timesteps(sigmas=sigmas)
    return scheduler, noise_levels(scheduler)


def test_ddim_counts_timesteps_of_training():
    scheduler, found = levels("DDIMScheduler")
    assert found == tuple(int(t) for t in scheduler.timesteps) == (750, 500, 250, 0)


def test_flow_matching_is_a_thousand_sigma():
    _, found = levels("FlowMatchEulerDiscreteScheduler", sigmas=[1.0, 0.75, 0.5, 0.25])
    assert found == (1000, 750, 500, 250)
    shift = 3.0
    _, found = levels("FlowMatchEulerDiscreteScheduler", sigmas=[1.0, 0.5], shift=shift)
    assert found == (1000, round(1000 * shift * 0.5 / (1 + (shift - 1) * 0.5)))


def test_inverted_flow_counts_down_from_all_noise():
    sigmas = [1.0, 0.9, 0.5]  # Shares of noise, which the scheduler turns round.
    scheduler, found = levels("FlowMatchEulerDiscreteScheduler", sigmas=sigmas, invert_sigmas=True)
    assert float(scheduler.timesteps[0]) < float(scheduler.timesteps[-1])
    assert found == (1000, 900, 500)


def test_other_schedulers_of_flow_are_told_by_their_configuration():
    scheduler, found = levels(
        "UniPCMultistepScheduler",
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=5.0,
    )
    assert found == tuple(round(1000 * float(s)) for s in scheduler.sigmas[:4])
    assert found[0] > 990


def test_sigmas_of_flow_matching_are_not_rounded():
    scheduler, _ = levels("FlowMatchEulerDiscreteScheduler", sigmas=[1.0, 0.75, 0.1234])
    assert flow_sigmas(scheduler) == pytest.approx((1.0, 0.75, 0.1234))
    scheduler, _ = levels(
        "FlowMatchEulerDiscreteScheduler", sigmas=[1.0, 0.9, 0.5], invert_sigmas=True
    )
    assert flow_sigmas(scheduler) == pytest.approx((1.0, 0.9, 0.5))
    for kind in ("DDIMScheduler", "EDMEulerScheduler"):
        assert flow_sigmas(levels(kind)[0]) == ()


def test_edm_compares_noise_and_signal():
    scheduler, found = levels("EDMEulerScheduler", sigma_max=80.0, sigma_min=0.002)
    assert found[0] == round(1000 * 80 / 81)
    assert found == tuple(round(1000 * float(s) / (1 + float(s))) for s in scheduler.sigmas[:4])


def test_what_is_not_known_is_refused():
    with pytest.raises(UnknownSchedule, match=r"VQDiffusionScheduler.*is not known"):
        levels("VQDiffusionScheduler", num_vec_classes=8)


def test_rising_noise_is_refused():
    scheduler = diffusers.DDIMScheduler()
    scheduler.timesteps = torch.tensor([100, 200])
    with pytest.raises(UnknownSchedule, match="rises"):
        noise_levels(scheduler)
