"""How much each kind's output changes from one denoising step to the next (PAB, figures 2, 4c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.style import (
    KIND_COLOURS,
    KIND_NAMES,
    MUTED,
    PAGE,
    SHADE,
    new_figure,
    styled,
    timestep_axis,
    title,
    whole_steps,
)
from analysis.segments import segment_of, with_measures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = {
    "mse": "MSE to the previous step",
    "mse_over_energy": "MSE / energy of the output",
}
BAND = (0.05, 0.95)
_FAR_BELOW = 30
Over = Literal["step", "timestep"]


@styled
def attention_difference(
    curves: pd.DataFrame,
    calls: int,
    tensor: str = "ungated",
    name: str = "",
    over: Over = "step",
    control: pd.DataFrame | None = None,
) -> Figure:
    """Mean over videos of the mean over blocks, with 5 % to 95 % of the videos as a band.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: transformer calls of one video, step 0 included.
        tensor: "ungated" or "gated". A kind without a gate is shown ungated in both.
        name: the model, for the title.
        over: what the axis shows: the step, or the scheduler's timestep in the same direction.
        control: curves of the same architecture with random weights, drawn dashed where they are
            not far below everything else.
    """
    rows = tensor_rows(curves, tensor)
    figure = new_figure(PAGE, 3.1)
    panels = figure.subplots(1, 2)
    times = rows.drop_duplicates("step").sort_values("step").set_index("step")["timestep"]
    for axes, (measure, label) in zip(panels, PANELS.items(), strict=True):
        _shade_segments(axes, calls, times, over)
        for kind in KIND_COLOURS:
            _draw_kind(axes, rows[rows["kind"] == kind], kind, measure, tensor, over)
        if control is not None:
            # A control that hardly changes at all would squash everything else.
            floor = _smallest_mean(axes) / _FAR_BELOW
            others = tensor_rows(control, tensor)
            for kind in KIND_COLOURS:
                part = others[others["kind"] == kind]
                _draw_control(axes, part, kind, measure, over, floor)
        axes.set(yscale="log", ylabel=label)
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * (high / low) ** 0.22)  # Room for the names of the segments.
        axes.grid(axis="y")
        if over == "step":
            axes.set(xlabel="denoising step", xlim=(-0.5, calls - 0.5))
            whole_steps(axes)
            timestep_axis(axes, list(times.index), [int(t) for t in times])
        else:
            span = times.max() - times.min()
            axes.set(xlabel="timestep (noise → image)")
            axes.set_xlim(times.max() + 0.02 * span, times.min() - 0.02 * span)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(handles), 5))
    videos = len(rows.drop_duplicates(["prompt", "seed"]))
    title(
        figure,
        f"{name}{', ' if name else ''}{tensor} outputs\nMean over blocks: line, its mean over "
        f"{videos} video{'s' * (videos != 1)}; band, 5 % to 95 % of them.",
    )
    return figure


def tensor_rows(curves: pd.DataFrame, tensor: str) -> pd.DataFrame:
    """The rows of one tensor, with the ungated rows of kinds that have no gate; lanes averaged.

    Raises:
        NothingToShow: there are no such rows.
    """
    rows = with_measures(curves)
    if not (rows["tensor"] == tensor).any():
        raise NothingToShow(f"no {tensor} outputs were recorded")
    own = rows[rows["tensor"] == tensor]
    gateless = rows[(rows["tensor"] == "ungated") & ~rows["kind"].isin(own["kind"].unique())]
    return pd.concat([own, gateless])


def per_video(rows: pd.DataFrame, measure: str, over: Over = "step") -> pd.DataFrame:
    """Mean over blocks and branches: one row per step (or timestep), one column per video."""
    return rows.groupby([over, "prompt", "seed"])[measure].mean().unstack(["prompt", "seed"])


def _draw_kind(
    axes: Axes, rows: pd.DataFrame, kind: str, measure: str, tensor: str, over: Over
) -> None:
    if rows.empty:
        return
    values = per_video(rows, measure, over)
    mean, low, high = values.mean(axis=1), *(values.quantile(q, axis=1) for q in BAND)
    # A difference of exactly 0 has no place on a logarithmic axis: the line has a hole there.
    mean = mean.where(mean > 0)
    no_gate = " (no gate)" if not (rows["tensor"] == tensor).any() else ""
    colour = KIND_COLOURS[kind]
    if values.shape[1] > 1:
        shown = low > 0
        axes.fill_between(mean.index, low, high, where=shown, color=colour, alpha=0.18, linewidth=0)
    axes.plot(mean.index, mean, color=colour, label=KIND_NAMES[kind] + no_gate)


def _smallest_mean(axes: Axes) -> float:
    return min(float(np.nanmin(np.asarray(line.get_ydata(), dtype=float))) for line in axes.lines)


def _draw_control(
    axes: Axes, rows: pd.DataFrame, kind: str, measure: str, over: Over, floor: float
) -> None:
    if rows.empty:
        return
    mean = per_video(rows, measure, over).mean(axis=1)
    label = "same colour, dashed: random weights" if kind == "spatial" else None
    line: dict[str, Any] = {"color": KIND_COLOURS[kind], "linestyle": (0, (3, 2)), "linewidth": 0.9}
    axes.plot(mean.index, mean.where(mean > floor), label=label, **line)


def _shade_segments(axes: Axes, calls: int, times: pd.Series, over: Over) -> None:
    for segment, text in (("first", "first\n15 %"), ("last", "last\n15 %")):
        steps = [step for step in range(calls) if segment_of(step, calls) == segment]
        if over == "step":
            low, high = steps[0] - 0.5, steps[-1] + 0.5
        else:
            inside = [times[step] for step in steps if step in times.index]
            if not inside:  # Of a few steps the first segment is the first one, without a change.
                continue
            low, high = max(inside), min(inside)
        axes.axvspan(low, high, color=SHADE, zorder=0, linewidth=0)
        axes.text(
            (low + high) / 2,
            0.98,
            text,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=6.5,
            color=MUTED,
        )
