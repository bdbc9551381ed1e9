"""What plans make ranks send each other, from blueprints without weights."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from pab_bench.cli import main
from pab_bench.config import hydra_setup
from pab_bench.config.preflight import preflight
from pab_bench.cost.activation import activation_of
from pab_bench.cost.communication import attentions_of, communication_of
from pab_bench.cost.communication_table import communication_notes
from pab_bench.cost.transformer_work import transformer_work
from pab_bench.engine.kinds import SPATIAL, TEMPORAL
from pab_bench.engine.plan import Plan
from pab_bench.methods.base import plan_of
from pab_bench.systems.registry import get_blueprint

WINDOW = "threshold=[0,1001]"
MINIS = ("latte_mini", "open_sora_mini", "open_sora_plan_mini")


@cache
def settings_of(*arguments):
    hydra_setup.register()
    (point,) = preflight(hydra_setup.argument_parser().parse_args(arguments)).points
    return point.settings


def communication(*arguments, ranks=8):
    """What a point of the command line communicates."""
    settings = settings_of(*arguments)
    blueprint = get_blueprint(settings.model, settings.dtype)
    plan = plan_of(settings.method, blueprint, settings.steps, settings.guidance)
    return communication_of(settings, blueprint, plan, ranks)


@pytest.mark.parametrize(
    "name",
    [*MINIS, *(pytest.param(n.removesuffix("_mini"), marks=pytest.mark.slow) for n in MINIS)],
)
def test_hidden_states_are_what_the_attention_puts_out(name):
    settings = settings_of(f"model={name}")
    blueprint = get_blueprint(settings.model, settings.dtype)
    own = activation_of(blueprint, settings.dtype, settings.guidance)
    work = transformer_work(blueprint.architecture, blueprint.inputs(own.rows, 4))
    for group in (SPATIAL, TEMPORAL):
        ((numbers, dtype),) = work.sites[group][0].kept
        assert numbers * own.bytes_per_number == own.size
        assert dtype == settings.dtype
    # What the transformer puts out has the same tokens, but for those that only fill a patch up.
    put_out = work.output[0] * own.bytes_per_number
    assert put_out <= own.output_size < 1.01 * put_out


@pytest.mark.parametrize(
    ("name", "frames", "tokens"),
    [("latte", 16, 1024), ("open_sora", 15, 1590), ("open_sora_plan", 17, 1024)],
)
def test_released_sizes(name, frames, tokens):
    settings = settings_of(f"model={name}")
    blueprint = get_blueprint(settings.model, settings.dtype)
    own = activation_of(blueprint, settings.dtype, settings.guidance)
    assert (own.rows, own.frames, own.tokens) == (2, frames, tokens)
    assert (own.width, own.heads, own.output, own.bytes_per_number) == (1152, 16, 32, 2)
    assert activation_of(blueprint, "float32", 1.0) == replace(own, rows=1, bytes_per_number=4)


@pytest.mark.parametrize(
    ("preset", "printed"),
    [("none", (184.63, 46.16, 23.08)), ("pab246", (104.6256, 26.16, 13.08))],
)
def test_table_4_from_the_plan(preset, printed):
    found = communication("model=open_sora", f"preset={preset}")
    column = {(way.method, way.split): way.with_plan.column / 1e9 for way in found.ways}
    for method, number in zip(("megatron_sp", "ulysses", "dsp"), printed, strict=True):
        assert column[method, "frames"] == pytest.approx(number, abs=0.005)
    assert sum(found.ways[0].with_plan.attentions) == 28 * {"none": 30, "pab246": 17}[preset]
    assert sum(found.ways[1].with_plan.attentions) == 28 * {"none": 30, "pab246": 21}[preset]


@pytest.mark.parametrize(
    ("model", "preset", "frames", "tokens"),
    [
        ("latte", "pab236", 27, 33),
        ("latte", "pab469", 22, 24),
        ("open_sora", "pab579", 15, 17),
        ("open_sora_plan", "pab246", 65, 96),
    ],
)
def test_attentions_that_golden_plans_compute(model, preset, frames, tokens):
    found = communication(f"model={model}", f"preset={preset}")
    counts = [sum(way.with_plan.attentions) for way in found.ways[:2]]
    assert counts == [28 * frames, 28 * tokens]


@pytest.mark.parametrize(
    ("kind", "splits"),
    [("spatial", ["tokens"]), ("temporal", ["frames", "frames", "frames"]), ("cross", [])],
)
def test_reuse_saves_where_the_dimension_it_crosses_is_split(kind, splits):
    found = communication("model=latte_mini", f"{kind}_gap=2", WINDOW, ranks=2)
    saved = [w.split for w in found.ways if w.with_plan.collectives < w.baseline.collectives]
    assert saved == splits


@pytest.mark.parametrize(
    "arguments",
    [
        ("method=fora",),
        ("method=taylorseer",),
        ("method=tgate",),
        ("method=fastercache",),
        ("method=fewer_steps", "method.steps=10"),
        ("method=delta_dit", "method.blocks=2", "method.boundary=25"),
    ],
    ids=lambda own: own[0],
)
def test_other_methods(arguments):
    found = communication("model=latte_mini", *arguments, ranks=2)
    content = found.to_json()
    for way in content["ways"]:
        text = content["computed"][way["split"]]
        made, baseline = way["with_plan"], way["baseline"]
        assert list(made["attentions"]) == [call.count("1") for call in text]
        per_attention = 4 if way["method"] == "ulysses" else 2
        assert made["collectives"] == per_attention * sum(call.count("1") for call in text)
        assert baseline["collectives"] == per_attention * len(text[0]) * 50
        assert 0 < made["sent"] <= baseline["sent"]
    if "method=fewer_steps" in arguments:
        assert made["sent"] == pytest.approx(baseline["sent"] / 5)
    if "method=fastercache" in arguments:
        halves = dict(found.attentions)["frames"].rows
        assert 1 in halves
        assert made["gathered"] == sum(halves) / 2 * content["activation"]["bytes"]


def plan_of_calls(called, rows=()):
    """Two blocks, four calls, of which some are made."""
    source = np.where(
        np.arange(4)[:, None] == np.array(called)[:, None], np.arange(4)[:, None], 0
    ).repeat(2, axis=1)
    skipped = np.array(called)[:, None].repeat(2, axis=1) != np.arange(4)[:, None]
    tables = {SPATIAL: source, TEMPORAL: source}
    return Plan(
        (3, 2, 1, 0),
        2,
        tables,
        called=tuple(called),
        rows=rows,
        skipped=dict.fromkeys(tables, skipped),
    )


def test_whole_calls_that_are_left_out_communicate_nothing():
    found = attentions_of(plan_of_calls([0, 1, 1, 3], (2, 1, 2, 2)), "frames")
    assert found.per_call == (2, 2, 0, 2)
    assert found.rows == (2, 1, 0, 2)
    # Values cross the dimension, too, where only probabilities are reused.
    source = np.array([[0, 0], [0, 1]])
    plan = Plan((1, 0), 2, {SPATIAL: source, TEMPORAL: source})
    assert attentions_of(plan, "tokens").per_call == (2, 1)
    assert attentions_of(plan, "tokens", scores=True).per_call == (2, 2)


def test_what_has_no_such_dimension_is_told():
    found = communication("model=wan_mini")
    assert found.to_json()["reason"].startswith("wan_mini: its blocks do not attend")
    (line,) = communication_notes([], [found])
    assert line.startswith("communication is not known of wan_mini")


def test_ranks_that_do_not_divide_heads():
    found = communication("model=open_sora_mini", ranks=7)
    reasons = [way["reason"] for way in found.to_json()["ways"]]
    heads = found.activation.heads
    assert reasons == [None, None, *[f"{heads} heads do not divide by 7 ranks"] * 2]


@pytest.mark.parametrize("ranks", [0, -1, 100_000])
def test_ranks_that_cannot_be(ranks, capsys):
    assert main(["task=cost", f"cost.ranks={ranks}"]) == 2
    assert f"cost.ranks={ranks}: must be a whole number from 1" in capsys.readouterr().err
