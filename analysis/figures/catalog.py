"""Which figures a sweep has, and where their data come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis import frames
from analysis.comparisons import blocks, components, gaps, objects, thresholds
from analysis.costs import cost_files, published_flops, read_costs
from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.figures.attention_blocks import attention_blocks
from analysis.figures.attention_difference import Over, attention_difference
from analysis.figures.attention_heatmap import attention_heatmap
from analysis.figures.attention_pictures import attention_pictures
from analysis.figures.block_map import block_map
from analysis.figures.bytes_per_call import bytes_per_call
from analysis.figures.cache_memory import cache_memory
from analysis.figures.communication_timeline import communication_timeline
from analysis.figures.contact_sheet import contact_sheet
from analysis.figures.decisions import decisions
from analysis.figures.flops import flops
from analysis.figures.frames_or_tokens import frames_or_tokens
from analysis.figures.gain_by_bandwidth import gain_by_bandwidth
from analysis.figures.gap_by_kind import gap_by_kind
from analysis.figures.one_change import one_change
from analysis.figures.predicted_speedup import predicted_speedup
from analysis.figures.quality import quality
from analysis.figures.rivals import rivals_figure
from analysis.figures.runtime_breakdown import generation, runtime_breakdown
from analysis.figures.schedule import schedule
from analysis.figures.speed import speed
from analysis.figures.speedup_parts import speedup_parts
from analysis.figures.table4 import table4
from analysis.figures.threshold_map import threshold_map
from analysis.figures.trade_off import trade_off
from analysis.points import Point
from analysis.rivals.entrants import rivals_of_baseline
from analysis.runtime import generation_frame, runtime_frame
from analysis.scaling_data import (
    ScalingPoint,
    read_scaling,
    scaling_files,
    table4_frame,
    timeline_point,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BASELINES = 12


@dataclass(frozen=True)
class Drawing:
    """A figure that can be made.

    Attributes:
        name: its file name.
        draw: how it is made.
        title: what it shows, for people.
    """

    name: str
    draw: Callable[[], Figure]
    title: str


def drawings(data: SweepData) -> list[Drawing]:
    """All figures of the sweep, not made yet: what fails, fails when its own figure is made.

    Figures of one baseline carry its id in their name if the sweep has several; of more than
    twelve baselines, the first twelve have their own.
    """
    baselines = data.sweep.baselines
    found = [
        Drawing("quality", partial(_quality, data), "Quality against what was swept"),
        Drawing("speed", partial(_speed, data), "Speedup and reuse"),
        Drawing("trade_off", partial(_trade_off, data), "Quality against speedup"),
        Drawing("gap_by_kind", partial(_gap_by_kind, data), "One kind at a time: quality over gap"),
        Drawing("components", partial(_components, data), "Components left out one at a time"),
        Drawing("broadcast_object", partial(_objects, data), "What is broadcast"),
        Drawing("threshold_map", partial(_threshold_map, data), "Which timesteps may reuse"),
        Drawing("block_map", partial(_block_map, data), "Which blocks may reuse"),
        Drawing("cache_memory", partial(_cache_memory, data), "Memory that broadcasting holds"),
        Drawing("generation", partial(_generation, data), "Text, denoising and decoding apart"),
        Drawing("runtime_breakdown", partial(_runtime, data), "Where the time goes"),
        Drawing("flops", partial(_flops, data), "Operations of the paper's rows"),
        Drawing("table4", partial(_table4, data), "Communication of the paper's Table 4"),
        Drawing("communication_timeline", partial(_timeline, data), "Which calls communicate"),
        Drawing("predicted_speedup", partial(_scaling, data), "Predicted speedup on several ranks"),
        Drawing("speedup_parts", partial(_parts, data), "What that speedup is made of"),
        Drawing("gain_by_bandwidth", partial(_bandwidths, data), "Reuse on slower links"),
        Drawing("frames_or_tokens", partial(_splits, data), "Splitting frames or tokens"),
        Drawing("bytes_per_call", partial(_bytes, data), "Bytes of one call on several ranks"),
    ]
    for point in baselines[:_MOST_BASELINES]:
        suffix = f"-{point.id[:8]}" if len(baselines) > 1 else ""
        of = f" ({frames.baseline_name(point)})" if suffix else ""
        found += [
            Drawing(f"{name}{suffix}", draw, f"{heading}{of}")
            for name, draw, heading in _of_baseline(data, point)
        ]
    return found


def _of_baseline(data: SweepData, point: Point) -> list[tuple[str, Callable[[], Figure], str]]:
    difference = partial(_difference, data, point)
    return [
        ("rivals", partial(_rivals, data, point), "Methods: quality over what they gain"),
        ("attention_difference", partial(difference, "ungated"), "Attention difference per step"),
        (
            "attention_difference_gated",
            partial(difference, "gated"),
            "Attention difference per step, after the gate",
        ),
        (
            "attention_difference_timesteps",
            partial(difference, "ungated", "timestep"),
            "Attention difference over timesteps",
        ),
        ("attention_blocks", partial(_blocks, data, point), "Attention difference per block"),
        ("attention_heatmap", partial(_heatmap, data, point), "Where in depth outputs change"),
        (
            "attention_pictures",
            partial(_pictures, point),
            "Where in the picture outputs change",
        ),
        ("schedule", partial(_schedule, data, point), "Which step and block computes or reuses"),
        ("decisions", partial(_decisions, data, point), "What was decided in every video"),
        ("contact_sheet", partial(_contact_sheet, data, point), "Frames, and where they differ"),
    ]


def _quality(data: SweepData) -> Figure:
    data.need_finished()
    return quality(data.summary, data.swept, data.metrics, data.videos)


def _speed(data: SweepData) -> Figure:
    return speed(data.summary, data.swept, frames.reuse_shares(data.sweep))


def _trade_off(data: SweepData) -> Figure:
    return trade_off(data.summary, data.swept, data.metrics)


def _gap_by_kind(data: SweepData) -> Figure:
    return gap_by_kind(gaps(data), data.metrics)


def _components(data: SweepData) -> Figure:
    return one_change(components(data), data.metrics)


def _objects(data: SweepData) -> Figure:
    return one_change(objects(data), data.metrics)


def _threshold_map(data: SweepData) -> Figure:
    return threshold_map(thresholds(data), data.metrics)


def _block_map(data: SweepData) -> Figure:
    return block_map(blocks(data), data.metrics)


def _cache_memory(data: SweepData) -> Figure:
    return cache_memory(data.need_finished())


def _runtime(data: SweepData) -> Figure:
    return runtime_breakdown(runtime_frame(data))


def _generation(data: SweepData) -> Figure:
    return generation(generation_frame(data))


def _flops(data: SweepData) -> Figure:
    return flops(published_flops(_costs(data)))


def _table4(data: SweepData) -> Figure:
    return table4(table4_frame(_costs(data)))


def _timeline(data: SweepData) -> Figure:
    return communication_timeline(timeline_point(_costs(data)))


def _costs(data: SweepData) -> list[dict[str, Any]]:
    return read_costs(cost_files(data.sweep.directory.parent))


def _predictions(data: SweepData) -> list[ScalingPoint]:
    return read_scaling(scaling_files(data.sweep.directory.parent))


def _scaling(data: SweepData) -> Figure:
    return predicted_speedup(_predictions(data))


def _parts(data: SweepData) -> Figure:
    return speedup_parts(_predictions(data))


def _bandwidths(data: SweepData) -> Figure:
    return gain_by_bandwidth(_predictions(data))


def _splits(data: SweepData) -> Figure:
    return frames_or_tokens(_predictions(data))


def _bytes(data: SweepData) -> Figure:
    return bytes_per_call(_predictions(data))


def _difference(data: SweepData, point: Point, tensor: str, over: Over = "step") -> Figure:
    curves = data.curves(point)
    return attention_difference(
        curves,
        frames.calls(point, curves),
        tensor,
        frames.baseline_name(point),
        over,
        data.control(point),
    )


def _heatmap(data: SweepData, point: Point) -> Figure:
    curves = data.curves(point)
    calls = frames.calls(point, curves)
    return attention_heatmap(curves, calls, name=frames.baseline_name(point))


def _blocks(data: SweepData, point: Point) -> Figure:
    curves = data.curves(point)
    calls = frames.calls(point, curves)
    return attention_blocks(curves, calls, name=frames.baseline_name(point))


def _pictures(point: Point) -> Figure:
    maps = point.attention_maps()
    first = (0, (point.value("seeds") or [0])[0])
    video = point.frames(*first) if first in point.videos() else None
    timesteps = point.value("plan", "timesteps")
    return attention_pictures(maps, timesteps, video, frames.baseline_name(point))


def _schedule(data: SweepData, baseline: Point) -> Figure:
    compared = data.compared(baseline)
    # Only plans that are shown are read: there may be thousands.
    reusing = {
        job: point for job, point in compared.items() if point.value("plan", "reuse_share", "all")
    }
    return schedule(
        {data.labels[job]: partial(point.table, "plan") for job, point in reusing.items()},
        frames.baseline_name(baseline),
    )


def _decisions(data: SweepData, baseline: Point) -> Figure:
    compared = data.compared(baseline)
    return decisions(
        {
            data.labels[job]: partial(point.table, "plan")
            for job, point in compared.items()
            if point.value("plan", "open")
        },
        frames.baseline_name(baseline),
    )


def _rivals(data: SweepData, baseline: Point) -> Figure:
    return rivals_figure(rivals_of_baseline(data, baseline), data.metrics)


def _contact_sheet(data: SweepData, baseline: Point) -> Figure:
    videos = baseline.videos()
    if not videos:
        raise NothingToShow(f"point {baseline.id} has no videos")
    prompt, seed = videos[0]
    variants = {
        data.labels[job]: partial(point.frames, prompt, seed)
        for job, point in data.compared(baseline).items()
    }
    caption = (baseline.value("prompts") or [])[prompt : prompt + 1]
    text = f"“{caption[0]}”, seed {seed}" if caption else f"prompt {prompt}, seed {seed}"
    return contact_sheet(baseline.frames(prompt, seed), variants, text)
