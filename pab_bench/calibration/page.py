"""A calibration for people: `calibration.md`, and what the terminal shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.text.markdown import markdown_table
from pab_bench.text.missing import MISSING


def page(content: Mapping[str, Any], file: str) -> str:
    """Say what was measured, how good it is, and how it is used.

    Args:
        content: of the calibration's file.
        file: how the file is called on a command line.
    """
    model, sampling = content["model"], content["sampling"]
    method, videos = content["method"], content["videos"]
    command = (
        f"python -m pab_bench model={model['name']} method={method} method.calibration={file} "
        f"steps={sampling['steps']} guidance={sampling['guidance']:g}"
    )
    lines = [
        f"# {method} for {model['name']}, calibrated",
        f"{sampling['steps']} steps ({sampling['calls']} calls"
        + (f" in each of {sampling['lanes']} lanes" if sampling["lanes"] > 1 else "")
        + f"), guidance {sampling['guidance']:g}; {len(videos['prompts'])} prompts fitted, "
        f"{len(videos['held_out'])} held out, seeds {', '.join(map(str, videos['seeds']))}.",
        markdown_table(["", "value"], _rows(content), [False, True]).strip(),
        _published(content),
        f"Use it, with other prompts than these: `{command}`",
    ]
    return "\n\n".join(lines) + "\n"


def number(value: float | None, form: str = ".4g") -> str:
    """A number, or the sign of one that is missing."""
    return MISSING if value is None else format(value, form)


def _rows(content: Mapping[str, Any]) -> list[list[str]]:
    quality = content["quality"]
    fitted, held_out = quality["fitted"], quality["held_out"]
    left_out = [own for own in quality["left_out"] if own is not None]
    rows = [
        ["R² over what was fitted", number(fitted["r2"], ".4f")],
        ["root mean square error", number(fitted["rmse"])],
        ["R² over prompts held out", number(held_out["r2"], ".4f")],
        ["their root mean square error", number(held_out["rmse"])],
        ["their largest error", number(held_out["largest"])],
        ["error with a prompt left out, largest", number(max(left_out, default=None))],
    ]
    return rows + (_of_polynomial if "coefficients" in content["fit"] else _of_ratios)(content)


def _of_polynomial(content: Mapping[str, Any]) -> list[list[str]]:
    fit, quality = content["fit"], content["quality"]
    shape = quality["shape"]
    low, high = fit["range"]
    falls = f"no: on {shape['decreasing_share']:.1%} of it"
    return [
        ["points", str(quality["fitted"]["points"])],
        ["range of the input's change", f"{low:.4g} to {high:.4g}"],
        ["held-out points outside of it", str(quality["held_out_outside"])],
        ["increases on the range", "yes" if shape["increasing"] else falls],
        ["least estimate on the range", number(shape["least"])],
        ["coefficients", " ".join(f"{own:.6g}" for own in fit["coefficients"])],
    ]


def _of_ratios(content: Mapping[str, Any]) -> list[list[str]]:
    quality, ratios = content["quality"], content["fit"]["ratios"]
    apart, computed = quality["held_out_decisions_apart"], quality["held_out_computed_calls"]
    known = [own for lane in ratios for own in lane[1:]]
    return [
        ["ratios", f"{min(known):.4f} to {max(known):.4f}"],
        ["largest standard deviation over videos", number(quality["largest_spread"])],
        ["largest difference of the lanes", number(quality["lanes_apart"])],
        ["calls that compute, at the usual settings", str(quality["computed_calls"])],
        ["by the ratios of held-out videos", ", ".join(map(str, computed)) or MISSING],
        ["share of calls that these decide otherwise", ", ".join(map(number, apart)) or MISSING],
    ]


def _published(content: Mapping[str, Any]) -> str:
    own = content["published"]
    if own["missing"] is not None:
        return f"Published constants: {own['missing']}."
    if "r2" in own:
        return (
            f"The published polynomial ({own['source']}) on the same points: R² "
            f"{number(own['r2'], '.4f')}, root mean square error {number(own['rmse'])}."
        )
    return (
        f"Published ratios ({own['source']}) are {number(own['rmse'])} apart (root mean square), "
        f"{number(own['largest'])} at most, at call {own['at_call']}; as the authors use them they "
        f"decide {own['decisions_apart']:.1%} of the calls otherwise."
    )
