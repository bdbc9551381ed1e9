"""An advice: the predicted front with what was sampled, and predicted against measured losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.figures.style import ACCENT, INK, MUTED, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LEAST_LPIPS = 1e-6  # Below it videos are the same to any eye.


@styled
def advice_figure(advice: Mapping[str, Any]) -> Figure:
    """Operations against LPIPS, and for both metrics what was predicted before it was measured.

    Args:
        advice: the content of `advice.json`.
    """
    figure = new_figure(PAGE, 2.5)
    front, lpips, psnr = figure.subplots(1, 3)
    _front(front, advice)
    trials = [trial for trial in advice["trials"] if trial["predicted"]]
    _agreement(lpips, trials, "lpips", "LPIPS")
    _agreement(psnr, trials, "psnr", "PSNR (dB)")
    return figure


def _front(axes: Axes, advice: Mapping[str, Any]) -> None:
    members = [m for m in advice["front"] if m["predicted"] and m["predicted"]["lpips"] > 1e-9]
    axes.plot(
        [m["flops_ratio"] for m in members],
        [m["predicted"]["lpips"] for m in members],
        color=ACCENT,
        label="predicted front",
    )
    marks = {"calibration": ("o", MUTED), "candidate": ("o", ACCENT), "to beat": ("X", "#D55E00")}
    for name, (marker, colour) in marks.items():
        own = [t for t in advice["trials"] if _role(t) == name]
        axes.scatter(
            [t["flops_ratio"] for t in own],
            [t["measured"]["lpips"] for t in own],
            s=16,
            marker=marker,
            color=colour,
            label=name if own else None,
        )
    chosen = advice["recommended"]
    if chosen is not None:
        axes.scatter(
            [chosen["flops_ratio"]],
            [chosen["measured"]["lpips"]],
            s=70,
            facecolors="none",
            edgecolors=INK,
            label="recommended",
        )
    bound = advice["target"]["worst"].get("lpips")
    if bound:
        axes.axhline(bound, color=MUTED, linewidth=0.6, linestyle="--")
    axes.set_yscale("log")
    axes.set_ylim(bottom=_LEAST_LPIPS)
    axes.set_xlabel("operations / baseline's")
    axes.set_ylabel("LPIPS")
    axes.legend()


def _role(trial: Mapping[str, Any]) -> str:
    return trial["name"] if trial["name"] in ("candidate", "to beat") else "calibration"


def _agreement(axes: Axes, trials: list[Any], metric: str, label: str) -> None:
    predicted = [t["predicted"][metric] for t in trials]
    measured = [t["measured"][metric] for t in trials]
    axes.scatter(measured, predicted, s=16, color=ACCENT)
    if trials:
        both = [min(predicted + measured), max(predicted + measured)]
        axes.plot(both, both, color=MUTED, linewidth=0.6)
    if metric == "lpips":
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlabel(f"{label}, measured")
    axes.set_ylabel("predicted before")
