"""The tape with the real model: nothing but times may show that steps were replayed."""

import numpy as np
import pandas as pd
import pytest
from diffusers import PNDMScheduler

from pab_bench.experiment.identity import identity
from pab_bench.experiment.point import make_point
from pab_bench.experiment.sampling import denoiser_of, places
from pab_bench.experiment.session import open_session
from pab_bench.experiment.tape import open_tapes
from pab_bench.experiment.video import sample_video
from pab_bench.methods.base import plan_of
from pab_bench.store.points import Store

GRID = (
    ["spatial_gap=2"],
    ["spatial_gap=3", "temporal_gap=2"],
    ["spatial_gap=2", "spatial_threshold=[400,700]"],
    ["spatial_gap=2", "broadcast_object=ungated"],
)


def make(settings, tmp_path):
    record = make_point(settings, tmp_path / "run").record
    assert record.status == "ok", record.error
    return record


def replayed(record):
    return record.timing["denoise_s"]["replayed_share"]


def numbers(record):
    """All of a record but times, and what it has because of `measure`."""
    kept = ("inputs", "ledger", "plan", "peak_cache_bytes", "quality", "model")
    return {name: getattr(record, name) for name in kept}


def test_with_and_without_the_tape_all_numbers_are_the_same(settings_of, tmp_path):
    shares = []
    for overrides in GRID:
        with_tape = make(settings_of(*overrides), tmp_path)
        without = make(settings_of(*overrides, "measure.replay=false"), tmp_path)
        assert numbers(with_tape) == numbers(without)
        store = Store(tmp_path / "results")
        assert np.array_equal(store.frames(with_tape.id, 0, 0), store.frames(without.id, 0, 0))
        assert replayed(without) == 0
        shares.append(replayed(with_tape))
    # Nothing is reused before call 1, whose source is call 0; the third begins to reuse where the
    # first does, and no longer reuses at call 3. `ungated` differs from the first reuse on.
    assert shares == [0, 0, 3 / 6, 0]


def test_replayed_steps_are_marked_and_have_the_time_of_the_run_that_computed_them(
    settings_of, tmp_path
):
    late = "spatial_threshold=[100,450]"
    made = make_point(settings_of("spatial_gap=2", late), tmp_path / "run")
    record = made.record
    tables = [
        pd.read_parquet(Store(tmp_path / "results").folder(i) / "steps.parquet")
        for i in (record.id, made.baseline.id)
    ]
    ours, theirs = tables
    assert ours["replayed"].tolist() == [True, True, False, False, False, False]
    assert not theirs["replayed"].any()
    assert ours["seconds"][:2].tolist() == theirs["seconds"][:2].tolist()
    assert ours["seconds"].sum() == pytest.approx(record.timing["denoise_s"]["median"])


def test_the_order_of_points_changes_no_number(settings_of, tmp_path):
    found = []
    points = GRID[::2]  # Whichever is second replays what the first has taped.
    for name, order in (("one", points), ("other", points[::-1])):
        where = f"results_dir={tmp_path / name}"
        records = [make(settings_of(where, *o), tmp_path / name) for o in order]
        found.append({record.id: numbers(record) for record in records})
    assert found[0] == found[1]


def test_a_control_goes_through_everything_by_itself(settings_of, tmp_path):
    make(settings_of("spatial_gap=2"), tmp_path)
    control = make(settings_of(), tmp_path)
    assert not control.is_baseline
    assert replayed(control) == 0


def test_measuring_latency_replays_nothing(settings_of, tmp_path):
    make(settings_of("spatial_gap=2"), tmp_path)
    made = make_point(
        settings_of("spatial_gap=2", "measure=latency", "measure.repeats=3"), tmp_path / "run"
    )
    record, cached = made.record, made.cached
    assert not cached
    for timed in (record, made.baseline):
        assert replayed(timed) == 0
        times = timed.timing["denoise_s"]
        assert len(times["values"]) == 3
        assert times["min"] <= times["lower_quartile"] <= times["median"]
        assert times["median"] <= times["upper_quartile"] <= times["max"]
        steps = pd.read_parquet(Store(tmp_path / "results").folder(timed.id) / "steps.parquet")
        assert sorted(set(steps["repeat"])) == [0, 1, 2]


def test_repeats_are_sampled_whole_and_the_user_is_told(settings_of):
    settings = settings_of("measure.repeats=3")
    assert not settings.measure.replay
    assert any("measure.repeats=3: nothing is replayed" in n for n in settings.notices)


def test_fresh_computes_everything_again_once_in_a_run(settings_of, tmp_path):
    make(settings_of("spatial_gap=2"), tmp_path)
    fresh = settings_of("spatial_gap=2", "fresh=true")
    made = make_point(fresh, tmp_path / "another run")
    record, cached = made.record, made.cached
    assert (cached, replayed(record)) == (False, 0)
    cached = make_point(fresh, tmp_path / "another run").cached
    assert cached


def test_other_metrics_need_no_step_again(settings_of, tmp_path):
    make(settings_of("spatial_gap=2"), tmp_path)
    made = make_point(settings_of("spatial_gap=2", "metrics.names=[psnr]"), tmp_path / "run")
    record, cached = made.record, made.cached
    assert (record.status, cached) == ("ok", False)
    assert replayed(record) == replayed(made.baseline) == 1


def test_a_scheduler_with_a_memory(settings_of, tmp_path):
    """PNDM's steps depend on the outputs of up to four calls, and it calls more often."""
    variant = settings_of("spatial_gap=2", "spatial_threshold=[100,450]")
    baseline = settings_of(*(f"{kind}_skip=false" for kind in ("spatial", "temporal", "cross")))
    session = open_session(variant)
    own = session.sampler.pipeline.scheduler
    session.sampler.pipeline.scheduler = PNDMScheduler.from_config(own.config)
    try:
        (place,) = places(variant)
        found = {}
        for taped in (True, False):
            for settings in (baseline, variant):
                plan = plan_of(settings.method, session.sampler, settings.steps)
                tapes = open_tapes(settings, identity(settings, "pndm"), plan, "cpu")
                tape = tapes.open(place.prompt, place.seed) if taped else None
                denoiser = denoiser_of(settings, session, plan)
                video = sample_video(denoiser, place, settings.measure, tape=tape)
                found[taped, settings.is_baseline()] = video
        assert plan.calls > variant.steps
        assert 3 < found[True, False].replayed < plan.calls
        for is_baseline in (True, False):
            taped, plain = found[True, is_baseline], found[False, is_baseline]
            assert taped.inputs == plain.inputs
            assert taped.ledger == plain.ledger
            assert np.array_equal(taped.frames, plain.frames)
        assert found[True, False].inputs != found[True, True].inputs
    finally:
        session.sampler.pipeline.scheduler = own
