"""A calibration: what was measured, what was fitted, and how far the one is from the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figures.style import ACCENT, INK, MUTED, PAGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HELD_OUT = "#D55E00"
_SECOND = "#009E73"


@styled
def calibration_figure(content: Mapping[str, Any]) -> Figure:
    """The fit with its points and published constants, and the errors of all videos.

    Args:
        content: of a calibration's file.
    """
    figure = new_figure(PAGE, 2.7)
    fit, errors = figure.subplots(1, 2)
    (_polynomial if "coefficients" in content["fit"] else _ratios)(fit, errors, content)
    errors.axhline(0, color=MUTED, linewidth=0.6)
    model, sampling = content["model"], content["sampling"]
    figure.suptitle(
        f"{content['method']}, {model['name']}, {sampling['steps']} steps, guidance "
        f"{sampling['guidance']:g}",
        x=0.01,
        ha="left",
    )
    return figure


def _is_held_out(content: Mapping[str, Any], sample: Mapping[str, Any]) -> bool:
    return bool(sample["prompt"] >= len(content["videos"]["prompts"]))


def _ratios(fit: Axes, errors: Axes, content: Mapping[str, Any]) -> None:
    lanes = content["fit"]["ratios"]
    calls = np.arange(len(lanes[0]))
    names = ["ratio"] if len(lanes) == 1 else ["conditional", "unconditional"]
    for lane, (ratios, colour) in enumerate(zip(lanes, (ACCENT, _SECOND), strict=False)):
        fit.plot(calls, ratios, color=colour, label=names[lane])
        spread = content["quality"]["spread"][lane]
        if spread is not None:
            low, high = np.array(ratios) - spread, np.array(ratios) + spread
            fit.fill_between(calls, low, high, color=colour, alpha=0.25, linewidth=0)
    if content["published"]["missing"] is None:
        known = content["published"]["ratios"][0]
        fit.plot(calls, known, color=INK, linestyle="--", linewidth=0.9, label="published")
    seen: set[bool] = set()
    for sample in content["samples"]:
        held_out = _is_held_out(content, sample)
        apart = np.array(sample["ratios"]) - lanes[sample["lane"]]
        colour, name = _group(held_out)
        errors.plot(
            calls[1:],
            apart[1:],
            color=colour,
            linewidth=0.7,
            alpha=0.8,
            label=None if held_out in seen else name,
        )
        seen.add(held_out)
    fit.set_ylabel("magnitude / that of the call before")
    errors.set_ylabel("video's ratio - calibrated")
    for axes in (fit, errors):
        axes.set_xlabel("call")
        axes.legend()


def _polynomial(fit: Axes, errors: Axes, content: Mapping[str, Any]) -> None:
    coefficients = content["fit"]["coefficients"]
    low, high = content["fit"]["range"]
    top = 0.0
    for held_out in (False, True):
        own = [s for s in content["samples"] if _is_held_out(content, s) is held_out]
        pairs = [
            pair
            for sample in own
            for pair in zip(sample["inputs"], sample["outputs"], strict=True)
            if None not in pair
        ]
        if not pairs:
            continue
        inputs, outputs = np.array(pairs).T
        top = max(top, float(outputs.max()))
        colour, name = _group(held_out)
        common: dict[str, Any] = {"s": 9, "color": colour, "alpha": 0.6, "linewidth": 0}
        fit.scatter(inputs, outputs, label=name, **common)
        errors.scatter(inputs, outputs - np.polyval(coefficients, inputs), label=name, **common)
    grid = np.linspace(low, high, 300)
    fit.plot(grid, np.polyval(coefficients, grid), color=INK, label="fit")
    if content["published"]["missing"] is None:
        values = np.polyval(content["published"]["coefficients"], grid)
        fit.plot(grid, values, color=INK, linestyle="--", linewidth=0.9, label="published")
    # A published polynomial may leave the points far behind; they are what the figure is about.
    fit.set_ylim(-0.1 * top, 1.2 * top)
    fit.set_ylabel("change of the output")
    errors.set_ylabel("change of the output - fit")
    for axes in (fit, errors):
        axes.set_xlabel("change of the modulated input")
        axes.legend()


def _group(held_out: bool) -> tuple[str, str]:
    return (_HELD_OUT, "held out") if held_out else (ACCENT, "fitted")
