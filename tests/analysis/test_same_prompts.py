"""Prompts that are one video to the model are one unit of every interval."""

import pandas as pd
import pytest

from analysis.intervals import definition, intervals_frame
from analysis.points import Point
from analysis.same_prompts import same_prompts, without_repeats
from pab_bench.config.compose import compose
from pab_bench.experiment.point import make_point
from pab_bench.store.points import Store

VALUES = {0: 1.0, 1: 2.0, 2: 1.0, 3: 1.0, 4: 3.0}
SAME = {2: 0, 3: 0}


def rows(prompts, job=0):
    places = [{"job": job, "prompt": p, "seed": 0, "metric": "psnr_db"} for p in prompts]
    return pd.DataFrame([{**place, "value": VALUES[place["prompt"]]} for place in places])


def test_a_repeated_video_does_not_narrow_the_interval():
    alone = intervals_frame(rows([0])).iloc[0]
    thrice = intervals_frame(rows([0, 2, 3]), {0: SAME}).iloc[0]
    assert pd.isna(alone["low"])
    assert pd.isna(thrice["low"])
    assert thrice["n"] == 3
    assert "2 prompts are the same video as another" in thrice["note"]
    assert not pd.isna(intervals_frame(rows([0, 2, 3])).iloc[0]["low"])


def test_units_are_the_distinct_videos():
    frame = intervals_frame(rows(VALUES), {0: SAME})
    assert "only 3 prompts" in frame.iloc[0]["note"]
    assert frame.iloc[0]["mean"] == pytest.approx(1.6)  # Of all videos, as in the records.
    assert "the same tokens are one prompt" in definition(frame)[0]
    before = intervals_frame(rows(VALUES))
    assert "only 5 prompts" in before.iloc[0]["note"]
    assert "same" not in definition(before)[0]


def point(*digests):
    inputs = [
        {"prompt": prompt, "seed": 0, **({} if digest is None else {"tokens": {"digest": digest}})}
        for prompt, digest in enumerate(digests)
    ]
    return Point(None, {"id": "x", "inputs": inputs})


def test_points_of_before_have_no_repeats():
    assert same_prompts(point("a", "b", "a", "a", "c")) == SAME
    assert same_prompts(point(None, None)) == {}
    assert same_prompts(Point(None, {"id": "x"})) == {}
    assert list(without_repeats(rows(VALUES), SAME)["prompt"]) == [0, 1, 4]


def test_a_real_point_keeps_what_was_read(tmp_path):
    prompts = ["foo bar baz", "a red circle", "zzz yyy xxx"]
    settings = compose(
        prompts=prompts,
        steps=4,
        metrics="none",
        results_dir=str(tmp_path),
        threshold=[1, 999],
        speed={"calls": False},
        **{"model.height": 32, "model.width": 32, "record.curves": False, "record.videos": False},
    )
    record = make_point(settings, tmp_path / "run").record
    assert record.status == "ok"
    read = [video["tokens"] for video in record.inputs]
    assert read[0]["unknown"] == ["foo", "bar", "baz"]
    assert read[1] == {
        "digest": read[1]["digest"],
        "count": 4,
        "kept": 4,
        "dropped": "",
        "unknown": [],
    }
    store = Store(tmp_path)
    own = Point(store.folder(record.id), record.to_json())
    assert same_prompts(own) == {2: 0}
    assert (own.frames(0, 0) == own.frames(2, 0)).all()
    assert (own.frames(0, 0) != own.frames(1, 0)).any()
