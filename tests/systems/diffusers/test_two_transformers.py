"""Wan 2.2: a transformer for high and one for low noise, two calls of either in a step."""

import json

import accelerate
import pandas
import pytest
import torch
from engine.test_boundaries import by_hand
from systems.diffusers.driven import (
    GUIDANCE,
    KNOWN,
    PROMPT,
    SEED,
    STEPS,
    WINDOW,
    drive,
    every,
    only,
)
from systems.diffusers.tiny import wan

from pab_bench.cli import main
from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, SPATIAL
from pab_bench.engine.playback import Playback
from pab_bench.engine.prefix import prefix_digests
from pab_bench.experiment.tape import VideoTape
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.probes.attention_difference import AttentionDifference
from pab_bench.speed.bench import Bench
from pab_bench.speed.captured import Scene
from pab_bench.store.points import Store
from pab_bench.store.tapes import TapeStore
from pab_bench.timings.call_classes import BASELINE, Keeping, plan_calls

CALLED = (0, 1, 1, 1)
KINDS = {"attn1": SPATIAL, "attn2": CROSS, "ffn": MLP_SPATIAL}


class Oracle:
    """Keeps outputs of modules by transformer, lane and name, written without the engine."""

    def __init__(self, transformers, gap):
        self.kept, self.lane, self.step = {}, -1, 0
        self.undo = []
        for number, transformer in enumerate(transformers):
            hook = transformer.register_forward_pre_hook(self.called)
            self.undo.append(hook.remove)
            for name, module in transformer.named_modules():
                if name.split(".")[-1] in KINDS:
                    self.wrap(number, name, module, gap)

    def called(self, module, args):
        self.lane += 1
        self.step, self.number = divmod(self.lane, 2)

    def wrap(self, transformer, name, module, gap):
        own = module.forward

        def forward(*args, **kwargs):
            address = transformer, self.number, name
            if self.step % gap == 0 or address not in self.kept:
                self.kept[address] = own(*args, **kwargs)
            return self.kept[address]

        module.forward = forward
        self.undo.append(lambda: delattr(module, "forward"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for undo in self.undo:
            undo()


def test_which_one_is_called_is_known_before_sampling(saved):
    driven = drive("wan_2_2", saved("wan_2_2"))
    computed, called = [], []
    for number, transformer in enumerate(driven.transformers):
        transformer.register_forward_pre_hook(lambda m, a, number=number: called.append(number))
        transformer.blocks[0].register_forward_pre_hook(lambda m, a: computed.append(1))
    sampler = driven.sampler
    found = {steps: sampler.transformers_called(steps) for steps in (STEPS, 7, 40)}
    assert computed == []
    assert found[STEPS] == CALLED
    boundary = 950
    for steps, own in found.items():
        levels = sampler.timesteps(steps)
        assert own == tuple(int(level < boundary) for level in levels)
    called.clear()
    driven.denoise()
    assert called == [number for number in CALLED for _ in range(2)]
    assert sampler.parameters == sum(
        p.numel() for own in driven.transformers for p in own.parameters()
    )


@pytest.mark.parametrize("gap", [2, 3])
def test_gaps_equal_modules_kept_by_hand(wan_2_2, gap):
    with Oracle(wan_2_2.transformers, gap) as oracle:
        expected = wan_2_2.denoise()
    ours = wan_2_2.follow(every(gap))
    assert torch.equal(ours, expected)
    assert not torch.equal(ours, wan_2_2.bare()[1])
    assert {transformer for transformer, _, _ in oracle.kept} == {0, 1}


@pytest.mark.parametrize("gap", [1, 2, 3, 4])
def test_the_first_step_of_the_second_computes(wan_2_2, gap):
    rule = GapRule(True, WINDOW, gap)
    with wan_2_2.engine(Rules(cross=rule)) as engine:
        wan_2_2.denoise()
        assert engine.cache.bytes == 0
    plan = engine.plan
    engine.ledger.check(plan)
    assert plan.transformers == CALLED
    wide = [1001 - step for step in range(STEPS)]
    expected = by_hand(rule, CALLED, 0, wide)
    for block in range(2):
        assert plan.source[CROSS][:, block].tolist() == expected
        decisions = engine.ledger.decisions(CROSS)[:, block].tolist()
        assert decisions == [source != call for call, source in enumerate(expected)]
    assert not plan.reuse(SPATIAL).any()
    assert expected[1] == 1


def test_known_calls_are_replayed_across_the_boundary(wan_2_2, tmp_path):
    store = TapeStore(tmp_path, 10**9)
    late = GapRule(True, (-1, wan_2_2.sampler.timesteps(STEPS)[1]), 2)
    known = []
    for rules in (Rules(), Rules(spatial=late), Rules(spatial=late)):
        plan = wan_2_2.plan(rules)
        tape = VideoTape(store, "video", prefix_digests(plan, ""), plan, 10**9, "cpu")
        known.append(tape.known)
        with wan_2_2.engine(rules) as engine, Playback(wan_2_2.transformers, tape, 2):
            replayed = wan_2_2.denoise()
        engine.ledger.known(plan, tape.known)
        engine.ledger.check(plan)
        assert torch.equal(replayed, wan_2_2.follow(rules))
        tape.keep([0.0] * plan.calls, engine.ledger.order, 2)
    assert known == [0, 2, 4]
    assert all("forward" not in vars(transformer) for transformer in wan_2_2.transformers)


def test_curves_are_missing_where_the_other_one_begins(wan_2_2):
    recorder = AttentionDifference()
    wan_2_2.follow(Rules(), observers=[recorder])
    rows = recorder.rows(wan_2_2.sampler.timesteps(STEPS))
    assert {row["step"] for row in rows} == {2, 3}
    assert all(row["mse"] > 0 for row in rows)


def test_the_control_has_random_weights_of_its_own_in_each(saved, wan_2_2):
    driven = drive("wan_2_2", saved("wan_2_2"), random_weights=True)
    one, two = (own.blocks[0].ffn.net[2].weight for own in driven.transformers)
    trained = [own.blocks[0].ffn.net[2].weight for own in wan_2_2.transformers]
    assert not any(
        torch.equal(first, second)
        for first, second in ((one, two), (one, trained[0]), (two, trained[1]))
    )
    assert driven.denoise().std() > 0
    assert driven.sampler.pipeline.transformer_2 is driven.transformers[1]


def test_an_empty_second_one_is_none(saved, tmp_path):
    wan().save_pretrained(tmp_path)
    assert json.loads((tmp_path / "model_index.json").read_text())["transformer_2"] == [None, None]
    sampler = drive("wan", tmp_path).sampler
    assert sampler.transformers_called(STEPS) == ()
    assert not hasattr(sampler.architecture, "transformers")


def test_only_the_second_one_may_be_there(tmp_path):
    parts = wan()
    parts.register_modules(transformer_2=parts.transformer, transformer=None)
    parts.register_to_config(boundary_ratio=1.1)
    parts.save_pretrained(tmp_path)
    driven = drive("wan", tmp_path)
    assert driven.sampler.pipeline.transformer is None
    assert torch.equal(driven.follow(every(1)), driven.bare()[1])


def test_a_call_is_captured_and_timed_of_the_transformer_that_was_called(wan_2_2):
    sampler = wan_2_2.sampler
    scene = Scene(sampler, sampler.encode(PROMPT), sampler.noise(SEED), GUIDANCE)
    captured = scene.capture(STEPS)
    assert [call.transformer for call in captured] == [0, 0]
    classes = plan_calls(wan_2_2.plan(every(2)), Keeping("ungated")).classes
    assert classes[BASELINE] == 3
    outputs = []
    hook = wan_2_2.transformers[0].register_forward_hook(
        lambda module, args, output: outputs.append(output[0])
    )
    bench = Bench(sampler.architecture, captured, list(classes))
    with bench.attached():
        for kind in classes:
            bench.call(kind)
    hook.remove()
    # The same input at every call: whatever is reused is what would be computed.
    for number, output in enumerate(outputs):
        assert torch.equal(output, captured[number % 2].output[0])
    marks = iter([1, 2])
    assert scene.without_transformer(captured, STEPS, lambda: next(marks)) == (1, 2)


def test_offloaded_transformers_follow_the_plan(saved, wan_2_2):
    driven = drive("wan_2_2", saved("wan_2_2"))
    for transformer in driven.transformers:
        accelerate.cpu_offload(transformer, execution_device="cpu")
        assert transformer.patch_embedding.weight.is_meta
    assert torch.equal(driven.follow(only("spatial")), wan_2_2.follow(only("spatial")))


def arguments(folder, tmp_path, *more):
    frames, height, width = KNOWN["wan_2_2"].size
    return [
        "model=diffusers",
        f"model.path={folder}",
        f"model.frames={frames}",
        f"model.height={height}",
        f"model.width={width}",
        f"steps={STEPS}",
        "threshold=[0,1001]",
        "prompts.texts=[a red circle moves right]",
        f"results_dir={tmp_path}",
        *more,
    ]


def test_a_point_by_the_command_line(saved, tmp_path):
    more = "metrics=none", "speed.calls=false", "record.curves=false", "spatial_gap=2"
    assert main(arguments(saved("wan_2_2"), tmp_path, *more)) == 0
    _, point = sorted(Store(tmp_path).records(), key=lambda record: not record.is_baseline)
    assert point.plan["transformers"] == list(CALLED)
    assert point.plan["reuse_share"]["spatial"] == 0.25
    counts = point.ledger["spatial"]
    assert (counts["computed"], counts["reused"]) == (12, 4)
    rows = pandas.read_parquet(tmp_path / "points" / point.id / "plan.parquet")
    own = rows[(rows.kind == "spatial") & (rows.block == 0)].sort_values("call")
    assert own.source.tolist() == [0, 1, 2, 2]
    assert own.transformer.tolist() == list(CALLED)


@pytest.mark.slow
def test_a_sweep_by_the_command_line(saved, tmp_path):
    more = "speed.calls=false", "spatial_gap=1,2"
    assert main(["-m", *arguments(saved("wan_2_2"), tmp_path, *more)]) == 0
    baseline, control, point = sorted(
        Store(tmp_path).records(),
        key=lambda record: (not record.is_baseline, record.plan["reuse_share"]["all"]),
    )
    assert control.control["identical"]
    assert control.quality["psnr_db"]["value"] > point.quality["psnr_db"]["value"] > 10
    curves = pandas.read_parquet(tmp_path / "points" / baseline.id / "curves.parquet")
    assert set(curves.step) == {2, 3}


def test_its_description_says_when_it_changes(saved, tmp_path, capsys):
    path = tmp_path / "about.json"
    assert main(arguments(saved("wan_2_2"), tmp_path, "task=describe", f"json={path}")) == 0
    (about,) = json.loads(path.read_text())["models"]
    assert about["transformers"] == list(CALLED)
    assert {group["sites"] for group in about["groups"]} == {2}
    assert all(group["kept_bytes"] > 0 for group in about["groups"])
    shown = capsys.readouterr().out
    assert "steps 0 to 0 call transformer 0; steps 1 to 3 call transformer 1" in shown


@pytest.mark.slow
def test_its_speed_is_measured_by_calls_and_by_whole_videos(saved, tmp_path):
    more = "measure=latency", "speed.precision=0.9", "speed.turns=2", "metrics=none"
    assert main(arguments(saved("wan_2_2"), tmp_path, *more, "spatial_gap=2")) == 0
    (file,) = (tmp_path / "timings").glob("*.json")
    timings = json.loads(file.read_text())
    assert not timings.get("reason")
    assert timings["videos"]
