"""Timesteps computed without torch are the scheduler's, to the integer."""

from decimal import Context, Decimal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.timesteps.rectified_flow import bfloat16, float32, rectified_flow_timesteps


@given(st.floats(-(2.0**127), 2.0**127, width=32))
def test_rounding_is_torchs(value):
    assert bfloat16(value) == float(torch.tensor(value, dtype=torch.bfloat16))
    assert float32(value / 3) == float(torch.tensor(value / 3, dtype=torch.float32))


@settings(deadline=None)
@given(
    st.integers(1, 120),
    st.integers(16, 1400),
    st.integers(16, 1400),
    st.one_of(st.just(1), st.integers(17, 816)),
    st.floats(0.5, 20, width=32),
    st.sampled_from(["float32", "bfloat16"]),
)
def test_timesteps_are_the_schedulers(steps, height, width, frames, scale, dtype):
    kind = getattr(torch, dtype)
    scheduler = RectifiedFlowScheduler(transform_scale=scale)
    scheduler.set_timesteps(steps, height, width, frames, kind)
    expected = tuple(int(t) for t in scheduler.timesteps.to(kind))
    assert rectified_flow_timesteps(steps, height, width, frames, scale, dtype) == expected


@given(st.integers(16, 1400), st.integers(16, 1400), st.one_of(st.just(1), st.integers(17, 816)))
def test_shift_is_the_nearest_float32_of_each_root(height, width, frames):
    """Not the processor's: vectorised square roots may be off in the last place."""
    exact = Context(prec=40)
    area = float32(height * width / 2**18)
    latent = 1 if frames == 1 else frames // 17 * 5
    roots = [float32(float(exact.sqrt(Decimal(number)))) for number in (area, latent)]
    shift = RectifiedFlowScheduler().shift(height, width, frames)
    assert shift.dtype == torch.float32
    assert float(shift) == float32(roots[0] * roots[1])


def test_shift_in_bfloat16_holds_the_sizes_in_it():
    assert bfloat16(854) == 856
    assert float(RectifiedFlowScheduler().shift(480, 854, 51, torch.bfloat16)) == float(
        RectifiedFlowScheduler().shift(480, 856, 51, torch.bfloat16)
    )


@pytest.mark.parametrize("frames", [0, 2, 16])
def test_lengths_that_break_the_transform_are_refused(frames):
    with pytest.raises(ValueError, match=f"frames={frames}"):
        RectifiedFlowScheduler().shift(480, 854, frames)


def test_float16_does_not_overflow():
    times = rectified_flow_timesteps(30, 480, 854, 51, 1.0, "float16")
    assert times[0] == 1000
    assert times == tuple(sorted(times, reverse=True))
