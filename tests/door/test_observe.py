import numpy as np
import pytest
import torch
from door.systems_at_hand import OTHER_PROMPT

import pab_bench as pb
from pab_bench.door.attachment import NothingSampled
from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.systems.registry import architecture_of

COLUMNS = ["video", "step", "timestep", "lane", "kind", "branch", "block", "tensor"]
NUMBERS = ["mse", "relative_l1", "cosine", "energy"]


def test_rows_are_those_of_the_recorder_and_nothing_changes(system):
    bare = system.make()
    with pb.observe(system.pipe) as curves:
        assert torch.equal(system.make(), bare)
    frame = curves.frame()
    assert frame.columns.tolist() == [*COLUMNS, *NUMBERS]
    architecture = architecture_of(system.pipe.transformer)
    recorder = AttentionDifference()
    times = frame.drop_duplicates("step")["timestep"].tolist()
    first = curves._attachment.timesteps[0]
    plan = make_plan(Rules(), [first, *times], architecture.depth, architecture.groups)
    with Engine(architecture, plan, observers=[recorder]):
        system.make()
    rows = recorder.rows(plan.timesteps)
    assert len(rows) == len(frame)
    for column in (*COLUMNS[1:], *NUMBERS):
        assert frame[column].tolist() == [row[column] for row in rows]


def test_videos_are_numbered_and_half_ones_left_out(latte):
    with pb.observe(latte.pipe) as curves:
        latte.make()
        one = curves.frame()
        latte.make(prompt=OTHER_PROMPT, seed=1)
        with pytest.raises(ZeroDivisionError):
            broken_off(latte)
    frame = curves.frame()
    assert curves.videos == 2
    assert frame["video"].unique().tolist() == [0, 1]
    assert frame.iloc[: len(one)].equals(one)
    assert not np.isclose(frame["mse"][: len(one)], frame["mse"][len(one) :]).all()
    with pb.observe(latte.pipe) as curves:
        latte.make(prompt=OTHER_PROMPT, seed=1)
    assert curves.frame()["mse"].tolist() == frame["mse"][len(one) :].tolist()


def broken_off(latte):
    handle = latte.pipe.transformer.register_forward_pre_hook(lambda *_: 1 // 0)
    try:
        latte.make()
    finally:
        handle.remove()


def test_the_summary_has_segments(latte):
    with pb.observe(latte.pipe) as curves:
        latte.make(steps=12)
        summary = curves.summary()
        latte.make(steps=4)
    assert (summary["measure"] == "mse").sum() == 8
    assert (summary[["first", "middle", "last"]] > 0).all(axis=None)
    with pytest.raises(ValueError, match=r"videos of \[4, 12\] calls"):
        curves.summary()


def test_nothing_to_show(latte):
    with pytest.raises(NothingSampled, match="sample one inside"), pb.observe(latte.pipe) as curves:
        curves.frame()
