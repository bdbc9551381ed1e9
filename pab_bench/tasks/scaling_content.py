"""The prediction of one point: seconds on every number of ranks, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pab_bench.config.settings import Settings
from pab_bench.cost.activation import activation_of
from pab_bench.cost.communication import WAYS, attentions_of
from pab_bench.engine.plan import Plan
from pab_bench.names import Split
from pab_bench.parallel.link import GIGA, Cluster, parse_link
from pab_bench.parallel.scaling_model import (
    Layout,
    Parts,
    Work,
    decompose,
    over_bandwidths,
    predict,
)
from pab_bench.parallel.volumes import CROSSING, Activation, exchange
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.systems.blueprint import Blueprint
from pab_bench.systems.registry import get_blueprint, sampler_address
from pab_bench.tasks.scaling_one_rank import OneRank

SCHEMA = 1
BANDWIDTHS_GB = (2.5, 5, 10, 15, 25, 50, 100, 150, 250, 350, 450, 900)
"""At which the gain of reuse is shown; 25 is about PCIe 5.0's, 450 NVLink 4's by the datasheet."""
_WHOLE = 2


@dataclass(frozen=True)
class Predicted:
    """All that a prediction is made from.

    Attributes:
        settings: the point.
        plan: its decisions.
        one: seconds on one rank.
        activation: the hidden states, of the clip that these seconds are of.
        cluster: what connects the ranks.
    """

    settings: Settings
    plan: Plan
    one: OneRank
    activation: Activation
    cluster: Cluster

    @property
    def blueprint(self) -> Blueprint:
        """Of the model."""
        return get_blueprint(self.settings.model, self.settings.dtype)

    def baseline(self, split: Split) -> Work:
        """The video with nothing reused."""
        calls = len(self.blueprint.timesteps(self.settings.steps))
        depth = self.blueprint.architecture.depth
        attentions, rows = (depth,) * calls, (_WHOLE,) * calls
        return Work(self.one.seconds, self.one.serial, attentions, rows)

    def method(self, split: Split) -> Work:
        """The video that follows the plan."""
        scores = self.settings.method.broadcast_object == "scores"
        found = attentions_of(self.plan, split, scores)
        return Work(self.one.method_seconds, self.one.serial, found.per_call, found.rows)

    @property
    def shown_ranks(self) -> int | None:
        """The most ranks on one node, of which bandwidths and parts are told; None if only one."""
        scaling = self.settings.scaling
        return max((n for n in scaling.ranks if 1 < n <= scaling.per_node), default=None)


def predicted(settings: Settings, plan: Plan, one: OneRank) -> Predicted:
    """Collect what the prediction of a point is made from.

    Args:
        settings: the point.
        plan: its decisions.
        one: seconds on one rank.

    Raises:
        ConfigError: if the model has no dimension that only one kind of attention crosses.
    """
    scaling = settings.scaling
    activation = split_activation(settings)
    cluster = Cluster(parse_link(scaling.link), parse_link(scaling.between), scaling.per_node)
    return Predicted(settings, plan, one, activation, cluster)


def split_activation(settings: Settings) -> Activation:
    """The hidden states that are split, of the clip that the seconds are of.

    Args:
        settings: the point.

    Raises:
        ConfigError: if the model has no dimension that only one kind of attention crosses.
    """
    blueprint = get_blueprint(settings.model, settings.dtype)
    activation = activation_of(blueprint, settings.dtype, settings.guidance)
    if activation is None:
        raise InvalidSettings(
            [
                Problem(
                    f"model={settings.model.name}",
                    "its blocks do not attend to a frame and across frames in turns, so that no "
                    "way of splitting a video is predicted for it; latte, open_sora and "
                    "open_sora_plan do",
                )
            ]
        )
    frames = settings.scaling.latent_frames
    return activation if frames is None else replace(activation, frames=frames)


def content(found: Predicted, overrides: Sequence[str]) -> dict[str, Any]:
    """The prediction as plain data; seconds and bytes are of one video and one rank.

    Args:
        found: what it is made from.
        overrides: what was set for the point.
    """
    settings, one = found.settings, found.one
    return {
        "schema": SCHEMA,
        "model": settings.model.name,
        "system": found.blueprint.system,
        "sampler": sampler_address(settings.model.system).rpartition(":")[2],
        "preset": settings.preset,
        "method": settings.method.name,
        "label": label_of(settings),
        "is_baseline": settings.is_baseline(),
        "overrides": list(overrides),
        "size": [settings.model.frames, settings.model.height, settings.model.width],
        "steps": settings.steps,
        "calls": found.plan.calls,
        "guidance": settings.guidance,
        "dtype": settings.dtype,
        "activation": {**asdict(found.activation), "bytes": found.activation.size},
        "one_rank": {**asdict(one), "gain": one.gain},
        "links": {
            "within": asdict(found.cluster.within),
            "between": asdict(found.cluster.between),
            "per_node": found.cluster.per_node,
        },
        "gather": settings.scaling.gather,
        "ranks": list(settings.scaling.ranks),
        "ways": [_way(found, layout) for layout in layouts(found)],
        "bandwidths": _bandwidths(found),
        "assumptions": assumptions(found),
    }


def label_of(settings: Settings) -> str:
    """How a point's method is called: by its preset or name, or by PAB's gaps."""
    if settings.method.name != "pab":
        return settings.method.name
    if settings.preset != "none":
        return settings.preset
    rules = settings.method.identity(settings.model.depth)["rules"]
    gaps = [
        1 if rules.get(k) is None else rules[k]["gap"] for k in ("spatial", "temporal", "cross")
    ]
    return f"pab {'/'.join(map(str, gaps))}"


def layouts(found: Predicted) -> list[Layout]:
    """The ways of splitting a video, in the order of `WAYS`."""
    gather = found.settings.scaling.gather
    return [Layout(method, split, found.activation, gather) for method, split in WAYS]


def _way(found: Predicted, layout: Layout) -> dict[str, Any]:
    baseline, method = found.baseline(layout.split), found.method(layout.split)
    rows = []
    for ranks in found.settings.scaling.ranks:
        parts = predict(baseline, layout, ranks, found.cluster)
        with_plan = predict(method, layout, ranks, found.cluster)
        apart = decompose(baseline, method, layout, ranks, found.cluster)
        if parts is None or with_plan is None or apart is None:
            rows.append({"ranks": ranks, "reason": _reason(found.activation, ranks)})
            continue
        rows.append(
            {
                "ranks": ranks,
                "reason": None,
                "padding_factor": found.activation.padding_factor(layout.split, ranks),
                "baseline": _timed(found, baseline, layout, ranks, parts),
                "with_plan": _timed(found, method, layout, ranks, with_plan),
                **asdict(apart),
                "communication_share": apart.communication_share,
                "bytes_per_call": _bytes(found, layout, ranks),
            }
        )
    attention = CROSSING[layout.split]
    return {"method": layout.method, "split": layout.split, "attention": attention, "rows": rows}


def _timed(
    found: Predicted, work: Work, layout: Layout, ranks: int, parts: Parts
) -> dict[str, float]:
    """Seconds apart and in all, and the speedup against one rank's baseline with its band."""
    fast = predict(work, layout, ranks, found.cluster.best)
    slow = predict(work, layout, ranks, found.cluster.worst)
    assert fast is not None
    assert slow is not None
    return {
        **asdict(parts),
        "communication": parts.communication,
        "total": parts.total,
        "speedup": found.one.seconds / parts.total,
        "speedup_low": found.one.seconds / slow.total,
        "speedup_high": found.one.seconds / fast.total,
    }


def _bytes(found: Predicted, layout: Layout, ranks: int) -> dict[str, float]:
    """What leaves a rank in a call that computes everything, and, on average, under the plan."""
    one = exchange(layout.method, found.activation, layout.split, ranks)
    assert one is not None
    others = (ranks - 1) / ranks
    depth = found.blueprint.architecture.depth
    method = found.method(layout.split)
    halves = zip(method.attentions, method.rows, strict=True)
    computed = sum(count * half for count, half in halves) / _WHOLE / len(method.rows)
    return {
        "needed": depth * one.column * others,
        "padding": depth * (one.sent - one.column * others),
        "with_plan": computed * one.sent,
        "output": found.activation.output_size * others,
        "hidden": found.activation.size * others,
    }


def _reason(activation: Activation, ranks: int) -> str:
    return f"{ranks} ranks do not divide {activation.heads} heads"


def _bandwidths(found: Predicted) -> dict[str, Any] | None:
    """What reuse brings at one bandwidth after the other, on the ranks of one node."""
    ranks = found.shown_ranks
    if ranks is None:
        return None
    sizes = [own * GIGA for own in BANDWIDTHS_GB]
    ways = []
    for layout in layouts(found):
        works = found.baseline(layout.split), found.method(layout.split)
        apart = over_bandwidths(*works, layout, ranks, found.cluster, sizes)
        ways.append(
            {
                "method": layout.method,
                "split": layout.split,
                "rows": [
                    None
                    if own is None
                    else {
                        **asdict(own),
                        "communication_share": own.communication_share,
                        "relative_gain": _relative(found, layout, ranks, size),
                    }
                    for own, size in zip(apart, sizes, strict=True)
                ],
            }
        )
    return {"ranks": ranks, "gb_s": list(BANDWIDTHS_GB), "ways": ways}


def _relative(found: Predicted, layout: Layout, ranks: int, bandwidth: float) -> float:
    """Seconds of the baseline over those with the plan, both on these ranks."""
    link = replace(found.cluster.within, bandwidth=bandwidth)
    cluster = replace(found.cluster, within=link)
    before = predict(found.baseline(layout.split), layout, ranks, cluster)
    after = predict(found.method(layout.split), layout, ranks, cluster)
    assert before is not None
    assert after is not None
    return before.total / after.total


def assumptions(found: Predicted) -> list[str]:
    """Everything that a prediction rests on, a sentence each; they stand under every figure."""
    one, scaling, own = found.one, found.settings.scaling, found.activation
    size = found.settings.model
    clip = f"{size.frames} frames of {size.height} x {size.width}"
    if scaling.latent_frames is not None:
        clip = f"another clip than the model's {clip}"
    guided = "with" if own.rows == _WHOLE else "without"
    gathers = {
        "none": "the gather at the end of a call is left out",
        "output": "outputs are gathered at the end of every call",
        "hidden": "hidden states are gathered at the end of every call",
    }
    serial = f"{one.serial:g} s of them do not divide" if one.serial else "all of them divide by n"
    between = []
    if max(scaling.ranks) > scaling.per_node:
        between = [
            f"beyond {scaling.per_node} ranks other nodes: {found.cluster.between.in_words()}; "
            "what stays on the node and what leaves it go at the same time"
        ]
    return [
        f"one rank takes {one.seconds:.4g} s ({one.seconds_from}), and {one.method_seconds:.4g} s "
        f"with the method (gain {one.gain:.4g}: {one.gain_from})",
        f"speedups are against one rank's {one.seconds:.4g} s without the method; {serial} (text "
        "encoder, decoder)",
        "computing divides perfectly: kernels of 1/n of the size are as efficient",
        "padded tokens are computed, too: frames or tokens up to a multiple of n",
        "communication hides behind no computing",
        f"ranks of a node: {found.cluster.within.in_words()}",
        *between,
        f"{clip}: {own.frames} latent frames of {own.tokens} tokens, width {own.width}, "
        f"{found.settings.dtype}, {guided} guidance, {found.plan.calls} calls",
        gathers[scaling.gather],
    ]
