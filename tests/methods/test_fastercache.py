"""Plans of FasterCache, the half that is made of the other, and what is refused."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.frequencies import low_frequencies
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL, TEMPORAL
from pab_bench.errors import ConfigError
from pab_bench.methods.base import About, Facts, plan_of_facts
from pab_bench.methods.fastercache import FasterCache
from pab_bench.methods.fastercache_diffusers import FasterCacheDiffusers
from pab_bench.problems import InvalidSettings, Problems

GROUPS = (SPATIAL, TEMPORAL, CROSS, MLP_SPATIAL)
LATTE = About("latte", 50, 50, 28, "ddim_leading", True)
PLAN = About("open_sora_plan", 150, 159, 28, "pndm", True)


def facts(times, lanes=1):
    return Facts(tuple(times), len(times), 2, GROUPS, lanes=lanes)


def digits(plan, group):
    return "".join("01"[int(reused)] for reused in plan.reuse(group)[:, 0])


def found(method, about):
    problems = Problems()
    method.filled(about).check(about, problems)
    return [str(problem) for problem in problems.found]


def test_the_published_settings():
    plan = FasterCache().filled(PLAN).plan(facts(range(159, 0, -1)))
    assert digits(plan, SPATIAL) == digits(plan, TEMPORAL) == "0" * 45 + "110" * 38
    assert plan.rows == (2,) * 39 + (1, 1, 2) + (1, 1, 1, 1, 1, 2) * 19 + (1, 1, 1)
    assert digits(plan, CROSS) == digits(plan, MLP_SPATIAL) == "0" * 159
    latte = FasterCache().filled(LATTE)
    assert [latte.factors(call) for call in (17, 43, 44)] == [(1.1, 1.0), (1.1, 1.0), (1.0, 1.1)]
    sora = FasterCache().filled(About("open_sora", 30, 30, 28, "rectified_flow", True))
    assert sora.weights(30)[7] == pytest.approx(0.9 * (8 - 7) / 20)
    assert sora.weights(30)[29] == pytest.approx(0.9 * (30 - 7) / 20)
    assert [sora.factors(call) for call in (18, 19, 24, 25)] == [
        (1.15, 1.0),
        (1.15, 1.15),
        (1.15, 1.15),
        (1.0, 1.15),
    ]
    assert (latte.conditional, sora.conditional) == ("second", "first")
    assert found(FasterCache(), LATTE) == found(FasterCache(), PLAN) == []


@settings(max_examples=30)
@given(
    st.integers(1, 12),
    st.integers(2, 5),
    st.integers(1, 12),
    st.integers(2, 7),
    st.sampled_from(["compute", "repeat"]),
)
def test_what_one_half_computed_is_enough_for_both_only_where_it_is_repeated(
    attention, gap, guidance, period, whole
):
    method = FasterCache(
        attention_first=attention, attention_gap=gap, guidance_first=guidance,
        guidance_gap=period, whole=whole,
    )  # fmt: skip
    plan = method.plan(facts(range(40, 0, -1)))
    reuse, source = plan.reuse(SPATIAL)[:, 0], plan.source[SPATIAL][:, 0]
    for call, rows in enumerate(plan.rows):
        assert rows == (1 if call >= guidance and (call + 1) % period else 2)
        due = call >= attention and (call - attention) % gap != gap - 1
        assert due or not reuse[call]
        if whole == "compute":
            assert not reuse[call] or plan.rows[source[call]] >= rows
            assert reuse[call] or not due or plan.rows[source[call - 1]] < rows
        else:
            assert reuse[call] == due


@settings(max_examples=30)
@given(st.integers(0, 30), st.integers(2, 6), st.integers(2, 6))
def test_diffusers_extrapolates_only_where_a_half_is_left_out(low, guidance, spatial):
    method = FasterCacheDiffusers(
        guidance_gap=guidance, guidance_window=(low, 35), spatial_gap=spatial,
        spatial_window=(5, 33), temporal_gap=None,
    )  # fmt: skip
    times = range(39, -1, -1)
    plan = method.plan(facts(times))
    for call, timestep in enumerate(times):
        half = call % guidance != 0 and low < timestep < 35
        assert plan.rows[call] == (1 if half else 2)
        assert plan.reuse(SPATIAL)[call, 0] == (half and call % spatial != 0 and 5 < timestep < 33)
    assert not plan.reuse(TEMPORAL).any()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 9), (5, 7), (11, 16), (3, 4)])
def test_low_frequencies_are_those_in_the_disc(height, width):
    frames = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    shifted = torch.fft.fftshift(torch.fft.fft2(frames.double()), dim=(-2, -1))
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    disc = (x - width // 2) ** 2 + (y - height // 2) ** 2 <= (min(height, width) // 5) ** 2
    whole = torch.fft.ifft2(torch.fft.ifftshift(shifted * disc, dim=(-2, -1)))
    assert whole.imag.abs().max() < 1e-12
    assert torch.allclose(low_frequencies(frames).double(), whole.real, atol=1e-6)
    assert torch.allclose(low_frequencies(frames.double()), whole.real, atol=1e-12)


def test_where_nothing_was_published_all_must_be_said():
    (message,) = found(FasterCache(), replace(LATTE, steps=20))
    assert message.startswith(
        "method.attention_first=null: nothing was published for latte with 20 steps (latte with "
        "50, open_sora with 30, open_sora_plan with 150); set method.attention_first"
    )
    (message,) = found(FasterCache(guidance_first=50), LATTE)
    assert message == "method.guidance_first=50: must be below 50, the calls of the transformer"
    (message,) = found(FasterCacheDiffusers(), replace(LATTE, system="other"))
    assert message.startswith("method.conditional=null: which half has the prompt is not known")
    assert found(FasterCacheDiffusers(conditional="first"), replace(LATTE, system="other")) == []


def test_a_call_for_each_half_is_refused():
    for method in (FasterCacheDiffusers(), FasterCache().filled(LATTE)):
        with pytest.raises(ConfigError, match="once for each half"):
            plan_of_facts(method, facts(range(50, 0, -1), lanes=2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FasterCache(attention_first=0), "method.attention_first=0: must be a whole"),
        (lambda: FasterCache(guidance_gap=1), "method.guidance_gap=1: must be a whole number"),
        (lambda: FasterCache(weight=float("nan")), "method.weight=nan: must be a finite number"),
        (lambda: FasterCache(half="left"), "method.half=left: must be one of upstream, right"),
        (lambda: FasterCache(whole="both"), "method.whole=both: must be one of compute, repeat"),
        (lambda: FasterCache(conditional="last"), "method.conditional=last: must be one of"),
        (lambda: FasterCacheDiffusers(spatial_gap=1), "method.spatial_gap=1: must be a whole"),
        (
            lambda: FasterCacheDiffusers(low_window=(5, 5)),
            r"method.low_window=\[5,5\]: must be \[low,high\] timesteps",
        ),
    ],
)
def test_what_cannot_be_meant(make, message):
    with pytest.raises(InvalidSettings, match=message):
        make()
