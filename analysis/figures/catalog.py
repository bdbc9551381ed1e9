"""Which figures a sweep has, and where their data come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from analysis import frames
from analysis.errors import NothingToShow
from analysis.figures.attention_difference import attention_difference
from analysis.figures.attention_heatmap import attention_heatmap
from analysis.figures.contact_sheet import contact_sheet
from analysis.figures.job_axis import finished, job_labels
from analysis.figures.quality import quality
from analysis.figures.schedule import schedule
from analysis.figures.speed import speed
from analysis.figures.trade_off import trade_off
from analysis.points import Point, Sweep
from analysis.summary import summary_frame, swept_columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure that can be made: its file name and how."""

    name: str
    draw: Callable[[], Figure]


def drawings(sweep: Sweep) -> list[Drawing]:
    """All figures of the sweep, not made yet: what fails, fails when its own figure is made.

    Figures of one baseline carry its id in their name if the sweep has several.
    """
    baselines = sweep.baselines
    found = [
        Drawing("quality", partial(_quality, sweep)),
        Drawing("speed", partial(_speed, sweep)),
        Drawing("trade_off", partial(_trade_off, sweep)),
    ]
    for point in baselines:
        suffix = f"-{point.id[:8]}" if len(baselines) > 1 else ""
        found += [
            Drawing(f"attention_difference{suffix}", partial(_difference, point, "ungated")),
            Drawing(f"attention_difference_gated{suffix}", partial(_difference, point, "gated")),
            Drawing(f"attention_heatmap{suffix}", partial(_heatmap, point)),
            Drawing(f"schedule{suffix}", partial(_schedule, sweep, point)),
            Drawing(f"contact_sheet{suffix}", partial(_contact_sheet, sweep, point)),
        ]
    return found


def _quality(sweep: Sweep) -> Figure:
    swept = list(swept_columns(sweep).values())
    try:
        videos = frames.video_metrics(sweep)
    except NothingToShow:
        videos = None
    return quality(summary_frame(sweep), swept, frames.directions(sweep), videos)


def _speed(sweep: Sweep) -> Figure:
    swept = list(swept_columns(sweep).values())
    return speed(summary_frame(sweep), swept, frames.reuse_shares(sweep))


def _trade_off(sweep: Sweep) -> Figure:
    swept = list(swept_columns(sweep).values())
    return trade_off(summary_frame(sweep), swept, frames.directions(sweep))


def _difference(point: Point, tensor: str) -> Figure:
    curves = point.table("curves")
    calls = frames.calls(point, curves)
    return attention_difference(curves, calls, tensor, frames.baseline_name(point))


def _heatmap(point: Point) -> Figure:
    curves = point.table("curves")
    calls = frames.calls(point, curves)
    return attention_heatmap(curves, calls, name=frames.baseline_name(point))


def _schedule(sweep: Sweep, baseline: Point) -> Figure:
    plans = {label: point.table("plan") for label, point in _compared(sweep, baseline).items()}
    return schedule(plans, frames.baseline_name(baseline))


def _contact_sheet(sweep: Sweep, baseline: Point) -> Figure:
    videos = baseline.videos()
    if not videos:
        raise NothingToShow(f"point {baseline.id} has no videos")
    prompt, seed = videos[0]
    variants = {
        label: point.frames(prompt, seed) for label, point in _compared(sweep, baseline).items()
    }
    caption = (baseline.value("prompts") or [])[prompt : prompt + 1]
    text = f"“{caption[0]}”, seed {seed}" if caption else f"prompt {prompt}, seed {seed}"
    return contact_sheet(baseline.frames(prompt, seed), variants, text)


def _compared(sweep: Sweep, baseline: Point) -> dict[str, Point]:
    """Label -> the points that are compared with this baseline, without itself."""
    rows = finished(summary_frame(sweep))
    labels = job_labels(rows, list(swept_columns(sweep).values()))
    return {
        label: point
        for label, (job, point) in zip(labels, sweep.finished, strict=True)
        if job.baseline and job.baseline.id == baseline.id and point.id != baseline.id
    }
