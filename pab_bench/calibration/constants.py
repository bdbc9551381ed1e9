"""Fits the constants of a method, says how good they are, and compares them with published ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pab_bench.calibration.goodness import errors_of
from pab_bench.calibration.measuring import Changes, Measured
from pab_bench.calibration.polynomial import evaluated, points_of, polynomial_fit, shape_of
from pab_bench.calibration.prompts import divided
from pab_bench.calibration.ratios import decisions_apart, ratios_fit
from pab_bench.config.settings import Settings
from pab_bench.methods.published_ratios import published_for_system
from pab_bench.methods.teacache import PUBLISHED
from pab_bench.problems import InvalidSettings, Problem

Fitted = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""`fit`, `quality` and `published` of the calibration's file."""


def check_can_calibrate(settings: Settings) -> None:
    """Refuse what cannot be calibrated, before anything is sampled.

    Raises:
        InvalidSettings: if the method has no constants, no prompt would be left to fit, or there
            are too few changes for the polynomial.
    """
    if settings.method.name not in _FITS:
        reason = f"has no constants that are measured; {' and '.join(sorted(_FITS))} have"
        raise InvalidSettings([Problem(f"method={settings.method.name}", reason)])
    videos = len(divided(settings)[0]) * len(settings.seeds)
    changes, degree = (settings.steps - 1) * videos, settings.calibrate.degree
    if settings.method.name == "teacache" and changes <= degree:
        reason = (
            f"{settings.steps} steps of {videos} fitted videos give {changes} changes, and "
            f"{degree + 1} are needed; allowed are 1 to {changes - 1}, or more steps or prompts"
        )
        raise InvalidSettings([Problem(f"calibrate.degree={degree}", reason)])


def fit_constants(settings: Settings, measured: Measured, held_out: Sequence[str]) -> Fitted:
    """Fit the constants of the settings' method.

    Args:
        settings: of the calibration.
        measured: what all videos said.
        held_out: prompts that only test the fit.
    """
    fitted = _by_prompt(measured.changes, [p for p in settings.prompts if p not in held_out])
    others = _by_prompt(measured.changes, held_out)
    return _FITS[settings.method.name](settings, measured, fitted, others)


def _by_prompt(
    changes: Sequence[Changes], prompts: Sequence[str]
) -> dict[str, tuple[Changes, ...]]:
    return {prompt: tuple(own for own in changes if own.prompt == prompt) for prompt in prompts}


def _magcache(
    settings: Settings,
    measured: Measured,
    fitted: Mapping[str, Sequence[Changes]],
    held_out: Mapping[str, Sequence[Changes]],
) -> Fitted:
    fit, quality = ratios_fit(fitted, held_out, measured.lanes)
    known = published_for_system(settings.model.system, settings.steps)
    ours = fit["ratios"][0]
    if known is None or len(known.lanes[0]) != len(ours):
        reason = f"no ratios were published for {settings.model.system} and {len(ours)} calls"
        return fit, quality, {"missing": reason}
    apart = [abs(a - b) for a, b in zip(known.lanes[0], ours, strict=True)][1:]
    published = {
        "missing": None,
        "source": known.source,
        "ratios": [list(lane) for lane in known.lanes],
        "rmse": (sum(own**2 for own in apart) / len(apart)) ** 0.5,
        "largest": max(apart),
        "at_call": apart.index(max(apart)) + 1,
        "decisions_apart": decisions_apart(ours, known.used()),
    }
    return fit, quality, published


def _teacache(
    settings: Settings,
    measured: Measured,
    fitted: Mapping[str, Sequence[Changes]],
    held_out: Mapping[str, Sequence[Changes]],
) -> Fitted:
    wanted = settings.calibrate
    fit, quality = polynomial_fit(fitted, held_out, wanted.degree, wanted.output)
    known = [(s, v) for (name, s), v in PUBLISHED.items() if name == settings.model.system]
    if not known:
        reason = f"no polynomial was published for {settings.model.system}"
        return fit, quality, {"missing": reason}
    steps, values = known[0]
    coefficients = values["coefficients"]
    points = points_of([own for videos in fitted.values() for own in videos], wanted.output)
    published = {
        "missing": None,
        "source": f"ali-vilab/TeaCache 7c10efc, {steps} steps",
        "coefficients": list(coefficients),
        "shape": shape_of(coefficients, *fit["range"]),
        **errors_of(points.outputs, evaluated(coefficients, points.inputs)),
    }
    return fit, quality, published


_FITS: Mapping[str, Callable[..., Fitted]] = {"magcache": _magcache, "teacache": _teacache}
"""By method."""
