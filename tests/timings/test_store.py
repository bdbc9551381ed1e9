"""Timings on disk: what several processes measure comes together, what is damaged is not used."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from timings.made import BASELINE, PLAN, SPEEDUP, made_pass, made_round

from pab_bench.files import read_json, write_sealed_json
from pab_bench.timings.store import Timings, add_timings, read_timings, timings_path
from pab_bench.timings.videos import TimedVideos

KEY = {"model": {"name": "made"}, "device": "cpu", "threads": 2}
VIDEOS = TimedVideos("wall", 2, "2026-01-01", [{"baseline": [2.0, 2.0], "p": [1.0, 1.0]}])
MEASURED = Timings(KEY, {"p": PLAN}, (made_pass([made_round()] * 5),), (VIDEOS,))


def test_what_is_written_is_read(tmp_path):
    assert read_timings(tmp_path, KEY) == Timings(KEY)
    add_timings(tmp_path, MEASURED)
    found = read_timings(tmp_path, KEY)
    assert found == MEASURED
    assert found.speed("p").speedup.value == pytest.approx(SPEEDUP)
    assert found.speed("other") is None
    assert read_timings(tmp_path, {**KEY, "threads": 1}) == Timings({**KEY, "threads": 1})


def test_the_order_of_a_key_is_of_no_matter(tmp_path):
    turned = dict(reversed(KEY.items()))
    assert timings_path(tmp_path, turned) == timings_path(tmp_path, KEY)


def test_what_is_measured_is_added(tmp_path):
    first = add_timings(tmp_path, replace(MEASURED, reason="out of memory"))
    assert first.reason == "out of memory"
    more = Timings(KEY, {"q": BASELINE}, (made_pass([made_round()] * 6, "cpu"),))
    both = add_timings(tmp_path, more)
    assert both == read_timings(tmp_path, KEY)
    assert both.plans == {"p": PLAN, "q": BASELINE}
    assert [len(timed.rounds) for timed in both.passes] == [5, 6]
    assert both.videos == (VIDEOS,)
    assert both.reason == ""


@pytest.mark.parametrize("locks", ["flock", "create"])
def test_nothing_of_what_is_written_at_once_is_lost(tmp_path, locks):
    def write(number):
        add_timings(tmp_path, replace(MEASURED, plans={str(number): PLAN}), locks)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    found = read_timings(tmp_path, KEY)
    assert set(found.plans) == set(map(str, range(8)))
    assert len(found.passes) == len(found.videos) == 8


def other_number(path):
    path.write_text(path.read_text().replace("0.5", "0.4"))


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def other_schema(path):
    content = read_json(path)
    del content["sha256"]
    write_sealed_json(path, {**content, "schema": 2})


def other_fields(path):
    content = read_json(path)
    del content["sha256"]
    content["passes"][0]["rounds"][0]["colour"] = 1.0
    write_sealed_json(path, content)


@pytest.mark.parametrize("damage", [other_number, cut_off, other_schema, other_fields])
def test_a_damaged_file_is_measured_again(tmp_path, caplog, damage):
    add_timings(tmp_path, MEASURED)
    path = timings_path(tmp_path, KEY)
    damage(path)
    assert read_timings(tmp_path, KEY) == Timings(KEY)
    assert f"{path} cannot be used" in caplog.text
    assert "it is measured again" in caplog.text
    assert add_timings(tmp_path, MEASURED) == MEASURED
    assert read_timings(tmp_path, KEY) == MEASURED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 0}, "schema: expected 1, got 0"),
        ({"schema": None}, "schema: expected 1, got None"),
        ({"plans": {"p": {"steps": 1}}}, "fields differ"),
        ({"plans": []}, "fields differ"),
        ({"passes": [{"clock": "wall"}]}, "fields differ"),
        ({"videos": [{"clock": "wall"}]}, "fields differ"),
    ],
    ids=str,
)
def test_what_has_another_form_is_refused(change, message):
    content = json.loads(json.dumps(MEASURED.to_json()))
    assert Timings.from_json(content) == MEASURED
    with pytest.raises(ValueError, match=message):
        Timings.from_json({**content, **change})
