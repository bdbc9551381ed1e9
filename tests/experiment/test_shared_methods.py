"""Real samplers on ranks that share a video: every method, and what it leaves out, holds there."""

from dataclasses import replace

import pytest
from experiment.test_methods import Gate
from parallel.ranks import on_ranks

from pab_bench.experiment.sampling import denoiser_of, places, sample
from pab_bench.experiment.session import open_session
from pab_bench.experiment.shared_video import shared_video
from pab_bench.methods.base import plan_of
from pab_bench.parallel.ledger import totals_of
from pab_bench.parallel.refused import ParallelRefused

LAST_DIGITS = 2e-5
"""Of latents around 1, where matrices have other sizes; otherwise they are equal."""


def sample_on(rank, points):
    """Per point the largest difference to one rank, and how many collectives of each kind."""
    del rank
    found = []
    for settings in points:
        session = open_session(settings)
        plan = plan_of(settings.method, session.sampler, settings.steps, settings.guidance)
        alone, (place, *_) = denoiser_of(settings, session, plan), places(settings)
        scores = settings.method.broadcast_object == "scores"
        with shared_video(settings.parallel, scores) as shared:
            together = replace(alone, shared=shared).run(place)
        latents = alone.run(place).latents
        counts = {name: sums["count"] for name, sums in totals_of(together.sent).items()}
        found.append((float((together.latents - latents).abs().max()), counts))
    return found


def check(folder, points):
    first, second = on_ranks(2, folder, sample_on, points)
    assert first == second
    for settings, (apart, _) in zip(points, first, strict=True):
        assert apart <= LAST_DIGITS, settings.overrides
    return [counts for _, counts in first]


SMALL = ("spatial_threshold=null", "temporal_threshold=null", "model.height=32", "model.width=32")


def test_broadcast_on_two_ranks(settings_of, tmp_path):
    points = [
        settings_of("temporal_gap=2", "parallel=dsp"),
        settings_of("temporal_gap=2", "parallel=dsp", "parallel.split=tokens"),
        settings_of("temporal_gap=2", "parallel=dsp", "broadcast_object=scores"),
    ]
    frames, tokens, scores = check(tmp_path, points)
    depth = points[0].model.depth
    # Of 6 calls the threshold lets 2 reuse: 664 and 332 compute, 498 and 166 reuse.
    assert frames == {"all_to_all": 2 * depth * 4, "all_gather": 6}
    assert tokens == scores == {"all_to_all": 2 * depth * 6, "all_gather": 6}


def test_methods_that_decide_by_what_a_rank_sees_are_refused(settings_of):
    settings = replace(settings_of(*SMALL, "method=fora", "parallel=dsp"), method=Gate(0.5))
    sampler = open_session(settings).sampler
    plan = plan_of(settings.method, sampler, settings.steps, settings.guidance)
    with pytest.raises(ParallelRefused, match="method=gate: decides while it samples"):
        sample(settings, plan, {}, curves=False)


@pytest.mark.slow
def test_every_method_and_model(settings_of, tmp_path):
    choices = [
        ("method=fora", "method.interval=2"),
        ("method=taylorseer",),
        ("method=tgate", "method.gate=3", "method.warm_up=0", "method.interval=2"),
        ("method=delta_dit", "method.blocks=3", "method.boundary=2"),
        ("method=magcache", "method.ratios=[1,1,1,1,1,1]"),
        ("method=fastercache_diffusers", "method.temporal_gap=3"),
        ("method=fewer_steps", "method.steps=4"),
    ]
    points = [
        settings_of(*SMALL, *choice, "parallel=dsp", split)
        for choice in choices
        for split in ("parallel.split=frames", "parallel.split=tokens")
    ]
    models = [
        ("open_sora_mini", "dsp"),
        ("open_sora_plan_mini", "ulysses"),
        ("wan_mini", "ulysses"),
    ]
    points += [
        settings_of(*SMALL, f"model={model}", "spatial_gap=2", f"parallel={method}")
        for model, method in models
    ]
    points += [
        settings_of(*SMALL, "model=open_sora_mini", "spatial_gap=2", "parallel=guidance"),
        settings_of(*SMALL, "temporal_gap=2", "parallel=megatron_sp"),
    ]
    check(tmp_path, points)
