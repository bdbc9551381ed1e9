"""Which attentions of one sampling run communicate, call by call, and how many bytes that makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.assumptions import room, write_under
from analysis.figures.style import KIND_COLOURS, MUTED, PAGE, SHADE, new_figure, styled, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GIGA = 1e9
_SPLITS = {
    "frames": ("Frames split: temporal attention", KIND_COLOURS["temporal"]),
    "tokens": ("Tokens split: spatial attention", KIND_COLOURS["spatial"]),
}


@styled
def communication_timeline(point: Mapping[str, Any]) -> Figure:
    """Calls against blocks for both dimensions that can be split, with the bytes of every call.

    Args:
        point: of a cost file, from `scaling_data.timeline_point`.
    """
    found = point["communication"]
    own, ranks = found["activation"], found["ranks"]
    note = (
        f"From the plan of {point['model']}, {point['preset']}, {point['calls']} calls, and the "
        f"shapes of {own['frames']} latent frames of {own['tokens']} tokens, width "
        f"{own['width']}, {8 * own['bytes_per_number']} bits; {ranks} ranks, DSP: two all-to-alls "
        "for each attention that is computed, none for one that is reused. GB = 10^9 bytes that "
        "leave a rank, padding included; the gather at the end of every call is of hidden states "
        "(of outputs it is less), and the same with and without reuse."
    )
    figure = new_figure(PAGE, 4.0 + room([note], PAGE))
    title(figure, "What communicates, call by call")
    panels = figure.subplots(2, 2, height_ratios=(2, 1), sharex=True, squeeze=False)
    for column, split in enumerate(_SPLITS):
        computed = np.array([[c == "1" for c in call] for call in found["computed"][split]])
        _draw_blocks(panels[0][column], computed, split)
        _draw_bytes(panels[1][column], computed, split, found)
    handles, labels = panels[1][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3)
    panels[0][0].set_ylabel("block")
    panels[1][0].set_ylabel("GB of each rank")
    write_under(figure, [note])
    return figure


def _draw_blocks(axes: Axes, computed: np.ndarray, split: str) -> None:
    from matplotlib.colors import ListedColormap

    heading, colour = _SPLITS[split]
    axes.pcolormesh(
        np.arange(computed.shape[0] + 1) - 0.5,
        np.arange(computed.shape[1] + 1) - 0.5,
        computed.T,
        cmap=ListedColormap([SHADE, colour]),
        vmin=0,
        vmax=1,
        edgecolors="white",
        linewidth=0.2 if computed.size < 2000 else 0,
        rasterized=True,
    )
    share = computed.mean()
    axes.set_title(f"{heading}, {share:.0%} computed")
    axes.grid(visible=False)


def _draw_bytes(axes: Axes, computed: np.ndarray, split: str, found: Mapping[str, Any]) -> None:
    (way,) = [w for w in found["ways"] if (w["method"], w["split"]) == ("dsp", split)]
    made = way["with_plan"]
    each = made["sent"] / max(computed.sum(), 1) / _GIGA
    calls = np.arange(computed.shape[0])
    per_call = computed.sum(axis=1)
    gather = made["gathered"] / computed.shape[0] * (found["ranks"] - 1) / found["ranks"] / _GIGA
    blocks = computed.shape[1]
    axes.bar(calls, each * blocks, width=0.9, color=SHADE, label="nothing reused")
    axes.bar(calls, each * per_call, width=0.9, color=_SPLITS[split][1], label="all-to-alls")
    axes.bar(calls, gather, bottom=each * per_call, width=0.9, color=MUTED, label="gather")
    axes.set_xlabel("call of the transformer")
    total, whole = made["sent"] / _GIGA, way["baseline"]["sent"] / _GIGA
    axes.set_title(f"all-to-alls: {total:.4g} GB of {whole:.4g}")
