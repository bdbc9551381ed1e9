"""How much each kind's output changes from one denoising step to the next (PAB, figure 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

_PANELS = {
    "mse": "MSE to the previous step",
    "mse_over_energy": "MSE / energy of the output",
}


@styled
def attention_difference(
    curves: pd.DataFrame, calls: int, tensor: str = "ungated", name: str = ""
) -> Figure:
    """Mean per step over blocks, prompts and seeds, with their 25 % to 75 % quantiles as a band.

    Args:
        curves: rows of curves.parquet of one baseline.
        calls: transformer calls of one video, step 0 included.
        tensor: "ungated" or "gated". A kind without a gate is shown ungated in both.
        name: the model, for the title.
    """
    rows = tensor_rows(curves, tensor)
    figure = new_figure(PAGE, 3.1)
    panels = figure.subplots(1, 2)
    for axes, (measure, label) in zip(panels, _PANELS.items(), strict=True):
        _shade_segments(axes, calls)
        for kind in KIND_COLOURS:
            _draw_kind(axes, rows[rows["kind"] == kind], kind, measure, tensor)
        axes.set(yscale="log", ylabel=label, xlabel="denoising step", xlim=(-0.5, calls - 0.5))
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * (high / low) ** 0.22)  # Room for the names of the segments.
        whole_steps(axes)
        axes.grid(axis="y")
        times = rows.drop_duplicates("step").sort_values("step")
        timestep_axis(axes, list(times["step"]), [int(t) for t in times["timestep"]])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles))
    title(
        figure,
        f"{name}{', ' if name else ''}{tensor} outputs\n"
        "Line: mean over blocks, prompts and seeds. Band: their 25 % to 75 % quantiles.",
    )
    return figure


def tensor_rows(curves: pd.DataFrame, tensor: str) -> pd.DataFrame:
    """The rows of one tensor, with the ungated rows of kinds that have no gate.

    Raises:
        NothingToShow: there are no such rows.
    """
    rows = with_measures(curves)
    if tensor not in set(rows["tensor"]):
        raise NothingToShow(f"no {tensor} outputs were recorded")
    own = rows[rows["tensor"] == tensor]
    gateless = rows[(rows["tensor"] == "ungated") & ~rows["kind"].isin(own["kind"].unique())]
    return pd.concat([own, gateless])


def _draw_kind(axes: Axes, rows: pd.DataFrame, kind: str, measure: str, tensor: str) -> None:
    if rows.empty:
        return
    values = rows.groupby("step")[measure]
    mean, low, high = values.mean(), values.quantile(0.25), values.quantile(0.75)
    # A difference of exactly 0 has no place on a logarithmic axis: the line has a hole there.
    mean = mean.where(mean > 0)
    no_gate = " (no gate)" if tensor not in set(rows["tensor"]) else ""
    colour = KIND_COLOURS[kind]
    axes.fill_between(mean.index, low, high, where=low > 0, color=colour, alpha=0.13, linewidth=0)
    axes.plot(mean.index, mean, color=colour, label=KIND_NAMES[kind] + no_gate)


def _shade_segments(axes: Axes, calls: int) -> None:
    for segment, text in (("first", "first\n15 %"), ("last", "last\n15 %")):
        steps = [step for step in range(calls) if segment_of(step, calls) == segment]
        low, high = steps[0] - 0.5, steps[-1] + 0.5
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
