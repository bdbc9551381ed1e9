"""Points that are in the store are timed afterwards, if they were made here."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pab_bench.experiment.identity import settings_identity
from pab_bench.experiment.point import make_point
from pab_bench.speed import timing_pass, turns
from pab_bench.speed.clocks import ProcessClock
from pab_bench.speed.plans import key_here
from pab_bench.speed.points import settings_with_method, time_points
from pab_bench.timings.key import timings_key
from pab_bench.timings.names import name_of_point
from pab_bench.timings.store import read_timings
from pab_bench.timings.videos import videos_speedup

KEPT = ("broadcast_object=ungated", "cache.dtype=float16", "spatial_gap=2")


@pytest.fixture
def made(timed_settings, tmp_path, monkeypatch):
    monkeypatch.setattr(timing_pass, "SHORTEST_S", 1e-6)
    monkeypatch.setattr(timing_pass, "LOOKED_AT", 1)
    # By the wall, all would be timed twice on a machine that is busy.
    monkeypatch.setattr(timing_pass, "first_clock", lambda device: ProcessClock())
    settings = timed_settings(*KEPT, "steps=4", "record.videos=false")
    point = make_point(settings, tmp_path / "run")
    assert point.record.status == "ok", point.record.error
    return settings, point.record, point.baseline


def test_points_are_timed_under_the_names_of_their_plans(made):
    settings, record, baseline = made
    time_points([settings], [record, baseline])
    key = key_here(settings)
    assert timings_key(record.config, record.provenance) == key
    timings = read_timings(settings.results_dir, key)
    names = [name_of_point(point.config, point.plan) for point in (record, baseline)]
    assert set(timings.plans) == set(names)
    assert all(timings.speed(name) is not None for name in names)
    assert len(timings.passes) == 1


def test_points_of_another_machine_are_left_alone_and_of_other_threads_are_not(made, caplog):
    settings, record, _ = made
    other = replace(record, provenance={**record.provenance, "cpu": "Processor 9"})
    newer = replace(
        record,
        provenance={
            **record.provenance,
            "versions": {**record.provenance["versions"], "torch": "99"},
        },
    )
    time_points([settings], [other, newer])
    assert not (settings.results_dir / "timings").exists()
    assert caplog.text.count(f"point {record.id} was not made here") == 2
    # A launcher's workers have other threads, and are here; nothing is timed, as it is not asked.
    threads = record.provenance["threads"] + 1
    theirs = replace(record, provenance={**record.provenance, "threads": threads})
    time_points([replace(settings, speed=replace(settings.speed, calls=False))], [theirs])
    key = {**key_here(settings), "threads": threads}
    assert len(read_timings(settings.results_dir, key).plans) == 1


def test_a_method_is_found_by_what_was_stored_of_it(timed_settings):
    usual = "spatial_threshold=null", "temporal_threshold=null", "spatial_gap=1", "steps=8"
    orders = [f"method.order={order}" for order in (1, 2)]
    first, second = (timed_settings("method=taylorseer", own, *usual) for own in orders)
    stored = json.loads(json.dumps(settings_identity(second)))  # Tuples have become lists.
    record = SimpleNamespace(config=stored)
    assert settings_with_method([first, second], record) is second
    assert settings_with_method([first], record) is None


@pytest.mark.slow
def test_methods_without_classes_of_calls_are_timed_by_whole_videos(
    timed_settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(turns, "first_clock", lambda device: ProcessClock())
    usual = ("spatial_threshold=null", "temporal_threshold=null", "spatial_gap=1")
    settings = timed_settings(
        "method=taylorseer", "method.lite=true", *usual, "steps=8", "record.videos=false"
    )
    point = make_point(settings, tmp_path / "run")
    assert point.record.status == "ok", point.record.error
    time_points([settings], [point.record])
    timings = read_timings(settings.results_dir, key_here(settings))
    name = name_of_point(point.record.config, point.record.plan)
    assert timings.plans == {}
    found = videos_speedup(name, timings.videos)
    assert found is not None
    # Three of eight calls are not made.
    assert 1.1 < found[0].value < 2.2
    time_points([settings], [point.record])  # It is known now.
    again = read_timings(settings.results_dir, key_here(settings))
    assert len(again.videos) == len(timings.videos)
