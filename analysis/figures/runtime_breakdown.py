"""Where the time of sampling goes (PAB, figure 11), baseline next to method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.selection import evenly
from analysis.figures.style import KIND_COLOURS, MUTED, PAGE, SHADE, new_figure, styled
from analysis.runtime import PARTS, STAGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BARS = 24
_COLOURS = {
    "encode_s": "#56B4E9",
    "attention_s": "#0072B2",
    "around_attention_s": "#D55E00",
    "mlp_s": KIND_COLOURS["mlp"],
    "rest_s": MUTED,
    "sampler_s": SHADE,
    "decode_s": "#E69F00",
    "denoise_s": "#0072B2",
}


@styled
def runtime_breakdown(rows: pd.DataFrame) -> Figure:
    """One bar per point: median seconds of every part of a video.

    Args:
        rows: from `runtime.runtime_frame`; of more than 24, 24 have a bar, the first among them.
    """
    return _bars(rows, PARTS, "seconds of one video, median")


@styled
def generation(rows: pd.DataFrame) -> Figure:
    """One bar per point: seconds of text encoding, denoising and decoding.

    Args:
        rows: from `runtime.generation_frame`; of more than 24, 24 have a bar, the first among them.
    """
    return _bars(rows, STAGES, "seconds of one video: denoising from timed calls, others medians")


def _bars(rows: pd.DataFrame, parts: Mapping[str, str], axis: str) -> Figure:
    """A stage that was not measured has no bar, and says so."""
    shown = rows.iloc[evenly(range(len(rows)), _MOST_BARS)].reset_index(drop=True)
    figure = new_figure(PAGE, 1.1 + 0.2 * len(shown))
    axes = figure.subplots()
    places = range(len(shown))
    left = pd.Series(0.0, index=shown.index)
    for part, name in parts.items():
        seconds = shown[part].fillna(0)
        axes.barh(places, seconds, left=left, color=_COLOURS[part], height=0.66, label=name)
        left = left + seconds
    for place, end in zip(places, left, strict=True):
        missing = [name.lower() for part, name in parts.items() if pd.isna(shown[part][place])]
        text = f" {end:.4g} s" + (f" without {', '.join(missing)}" if missing else "")
        axes.text(end, place, text, va="center", fontsize=6.5, color=MUTED)
    axes.set_yticks(places, list(shown["label"]))
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel(axis)
    axes.margins(x=0.12)
    axes.tick_params("y", length=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
