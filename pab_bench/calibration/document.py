"""What a calibration's file says: see `methods.calibration_file` for who reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pab_bench.calibration.constants import Fitted
from pab_bench.calibration.measuring import Changes, Measured
from pab_bench.config.settings import Settings
from pab_bench.experiment.device import device_kind, resolve_device
from pab_bench.experiment.provenance import versions
from pab_bench.methods.calibration_file import FORMAT, model_label, timesteps_digest

_DIGITS = 7
"""Significant ones of what was measured: as many as single precision has."""


def document(
    settings: Settings, weights: str, measured: Measured, held_out: Sequence[str], fitted: Fitted
) -> dict[str, Any]:
    """Collect all that a calibration says, as plain JSON.

    Args:
        settings: of the calibration.
        weights: the digest of the model's weights.
        measured: what all videos said.
        held_out: prompts that only tested the fit.
        fitted: constants, their quality, and published ones.
    """
    fit, quality, published = fitted
    model = settings.model
    return {
        "format": FORMAT,
        "method": settings.method.name,
        "model": {
            "name": model_label(model.name, model.random_weights),
            "system": model.system,
            "weights": weights,
            "depth": model.depth,
            "frames": model.frames,
            "height": model.height,
            "width": model.width,
            "dtype": settings.dtype,
        },
        "sampling": {
            "steps": settings.steps,
            "calls": len(measured.timesteps),
            "lanes": measured.lanes,
            "guidance": settings.guidance,
            "schedule": model.schedule,
            "timesteps": timesteps_digest(measured.timesteps),
        },
        "videos": {
            "prompts": [prompt for prompt in settings.prompts if prompt not in held_out],
            "held_out": list(held_out),
            "seeds": list(settings.seeds),
        },
        "fit": fit,
        "quality": quality,
        "published": published,
        "samples": [_sample(own, settings, fit) for own in measured.changes],
        "made_with": {
            "versions": versions(),
            "device": device_kind(resolve_device(settings.device)),
        },
    }


def _sample(changes: Changes, settings: Settings, fit: dict[str, Any]) -> dict[str, Any]:
    """What was measured of the numbers that were fitted."""
    own: dict[str, Any] = {
        "prompt": settings.prompts.index(changes.prompt),
        "seed": changes.seed,
        "lane": changes.lane,
    }
    if "coefficients" in fit:
        outputs = changes.outputs if settings.calibrate.output == "transformer" else changes.streams
        return {**own, "inputs": _short(changes.inputs), "outputs": _short(outputs)}
    return {**own, "ratios": _short(changes.ratios)}


def _short(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else float(f"{value:.{_DIGITS}g}") for value in values]
