"""The tables of calibrations that ship, below the guide on how to make one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pab_bench.calibration.page import number
from pab_bench.files import read_sealed_json
from pab_bench.methods import calibration_file
from site_pages.markdown import code, table

_SHIPPED = Path(calibration_file.__file__).parent / "calibrated"
_HEAD = (
    "model",
    "steps",
    "guidance",
    "R²",
    "held out: R²",
    "error",
    "range",
    "published: R²",
    "error",
)
_RATIOS = (
    "model",
    "steps",
    "guidance",
    "R²",
    "held out: R²",
    "error",
    "computed calls",
    "published: error",
    "calls otherwise",
)


def pages() -> dict[str, str]:
    """Write the tables."""
    files = [read_sealed_json(path) for path in sorted(_SHIPPED.glob("*.json"))]
    parts = [
        "# Calibrations",
        "## Those that ship",
        "TeaCache: a polynomial of the change of the modulated input, and, where one was published "
        "for the architecture, how that does on the same points. Errors are root mean squares.",
        table(_HEAD, [_polynomial(own) for own in files if own["method"] == "teacache"]),
        "MagCache: ratios; calls that compute at the usual settings, and the share of calls that "
        "published ratios, as their authors use them, decide otherwise.",
        table(_RATIOS, [_ratios(own) for own in files if own["method"] == "magcache"]),
    ]
    return {"docs/howto/calibrate.md": "\n\n".join(parts) + "\n"}


def _common(own: Mapping[str, Any]) -> list[str]:
    fitted, held_out = own["quality"]["fitted"], own["quality"]["held_out"]
    return [
        code(own["model"]["name"]),
        str(own["sampling"]["steps"]),
        f"{own['sampling']['guidance']:g}",
        number(fitted["r2"], ".3f"),
        number(held_out["r2"], ".3f"),
        number(held_out["rmse"], ".4f"),
    ]


def _polynomial(own: Mapping[str, Any]) -> list[str]:
    low, high = own["fit"]["range"]
    known = own["published"]
    return [
        *_common(own),
        f"{low:.3f} to {high:.3f}",
        number(known.get("r2"), ".3f"),
        number(known.get("rmse"), ".4f"),
    ]


def _ratios(own: Mapping[str, Any]) -> list[str]:
    known, calls = own["published"], own["sampling"]["calls"]
    return [
        *_common(own),
        f"{own['quality']['computed_calls']} of {calls}",
        number(known.get("rmse"), ".4f"),
        number(known.get("decisions_apart"), ".0%"),
    ]
