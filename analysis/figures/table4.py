"""Communication of the paper's Table 4, printed and recomputed, and what its latencies are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.figures.assumptions import room, write_under
from analysis.figures.style import ACCENT, INK, MUTED, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READINGS = (
    "Volumes: of one rank and one video, G = 10^9 bytes, own share counted, unpadded, temporal "
    "attention only, without the gather of hidden states: Open-Sora 1.2, 51 frames at 480 x 854 "
    "(15 latent frames of 1590 tokens), width 1152, 28 blocks, 30 calls, guidance, 16 bits, 8 "
    "ranks. 104.6256 is printed as 104.62, which 17/30 of the printed 184.63 is; all others are "
    "rounded.",
    "Two readings: the latencies are of another clip than the volumes (97.51 s on one GPU, where "
    "the paper's Table 1 has 26.54 s for 51 frames), or the unit is not bytes (204 frames without "
    "guidance, or 102 with it, counted in elements, have the same volumes). Sent: what leaves a "
    "rank, padding included.",
    "Saved by PAB: printed seconds without PAB less those with it; on one GPU 26.26 s, an eighth "
    "of which is 3.28 s.",
)
_HEIGHT, _ROW = 1.0, 0.3


@styled
def table4(rows: pd.DataFrame) -> Figure:
    """Volumes printed and recomputed on the left, printed latencies on the right.

    Args:
        rows: from `scaling_data.table4_frame`.
    """
    height = _HEIGHT + _ROW * len(rows) + room(READINGS, PAGE)
    figure = new_figure(PAGE, height)
    volumes, latencies = figure.subplots(1, 2, width_ratios=(3, 2), sharey=True)
    places = range(len(rows))
    volumes.barh(places, rows["ours_g"], height=0.36, color=ACCENT, label="recomputed")
    volumes.barh(
        [place + 0.3 for place in places],
        rows["sent_g"],
        height=0.16,
        color=MUTED,
        label="recomputed, sent",
    )
    volumes.plot(rows["printed_g"], places, "|", color=INK, markersize=10, label="printed")
    for place, row in zip(places, rows.itertuples(), strict=True):
        text = f"  {row.printed_g:.2f} printed, {row.ours_g:.4f}"
        volumes.text(max(row.ours_g, row.printed_g), place, text, va="center", fontsize=6.5)
    volumes.set_yticks(places, [_name(row.name, row.plan) for row in rows.itertuples(index=False)])
    volumes.set_ylim(len(rows) - 0.4, -0.6)
    volumes.set_xlim(0, 1.45 * rows["ours_g"].max())
    volumes.set_xlabel("G = 10⁹ bytes of each rank")
    volumes.set_title("Communication of one video")
    volumes.legend(loc="lower right")
    _draw_latencies(latencies, rows)
    write_under(figure, READINGS)
    return figure


def _name(name: str, plan: str) -> str:
    return name if plan == "none" else f"{name} + PAB"


def _draw_latencies(axes: Axes, rows: pd.DataFrame) -> None:
    before = rows[rows["plan"] == "none"].set_index("method")["latency_s"]
    colours = [MUTED if plan == "none" else ACCENT for plan in rows["plan"]]
    axes.barh(range(len(rows)), rows["latency_s"], height=0.36, color=colours)
    for place, row in enumerate(rows.itertuples()):
        saved = ""
        if row.plan != "none" and row.method in before:
            saved = f", saved {before[row.method] - row.latency_s:.2f}"
        axes.text(
            row.latency_s, place, f"  {row.latency_s:.2f} s{saved}", va="center", fontsize=6.5
        )
    axes.set_xlim(0, 1.6 * rows["latency_s"].max())
    axes.set_xlabel("seconds, printed, 8 GPUs")
    axes.set_title("Latency, of another clip")
    axes.tick_params("y", length=0)
