"""Predicted operations by kind, with the paper's numbers marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.style import (
    INK,
    KIND_COLOURS,
    KIND_NAMES,
    MUTED,
    PAGE,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = {
    **{kind: (KIND_NAMES[kind], KIND_COLOURS[kind]) for kind in KIND_NAMES},
    "rest": ("Embeddings, final layer", MUTED),
    "text_encoder": ("Text encoder", "#56B4E9"),
    "decoder": ("Decoder", "#E69F00"),
}


@styled
def flops(rows: pd.DataFrame) -> Figure:
    """One panel per model, one bar per row of the paper's table 1.

    Args:
        rows: from `costs.published_flops`.
    """
    models = list(dict.fromkeys(rows["model"]))
    figure = new_figure(PAGE, 0.7 + 0.22 * rows.groupby("model").size().max())
    panels = figure.subplots(1, len(models), squeeze=False)[0]
    for axes, model in zip(panels, models, strict=True):
        _draw(axes, rows[rows["model"] == model].reset_index(drop=True))
        axes.set_title(model)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    places = range(len(rows))
    left = pd.Series(0.0, index=rows.index)
    for part, (name, colour) in _PARTS.items():
        values = rows[f"{part}_t"]
        axes.barh(places, values, left=left, color=colour, height=0.62, label=name)
        left = left + values
    axes.plot(rows["paper_t"], places, "|", color=INK, markersize=11, label="printed")
    axes.set_yticks(
        places,
        [
            f"{row} {gaps or ('' if is_printed else '(authors)')}".strip()
            for row, gaps, is_printed in zip(
                rows["row"], rows["gaps"], rows["paper_t"].notna(), strict=True
            )
        ],
    )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("10¹² operations")
    axes.tick_params("y", length=0)
