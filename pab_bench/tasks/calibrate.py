"""`task=calibrate`: constants by which methods decide, from a few baseline videos."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

from rich.markup import escape

from analysis.figures.calibration import calibration_figure
from analysis.figures.save import png
from pab_bench import progress
from pab_bench.calibration.constants import check_can_calibrate, fit_constants
from pab_bench.calibration.document import document
from pab_bench.calibration.measuring import measure_videos
from pab_bench.calibration.page import page
from pab_bench.calibration.prompts import calibration_prompts, divided
from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.errors import OK
from pab_bench.experiment.identity import digest_weights, settings_identity
from pab_bench.experiment.session import open_session
from pab_bench.files import write_bytes, write_sealed_json
from pab_bench.text.terminal import console as make_console


def calibrate(grid: Grid) -> int:
    """Calibrate the method of every grid point for its model, size, steps and guidance.

    Samples the baseline's latents of all prompts and seeds, and writes `calibration.json`,
    `calibration.md` and `calibration.png` into
    `results_dir/calibrations/<model>-<method>-<digest of what was asked>/`, or into
    `results_dir/<name>`; of a single point with `json=FILE` there, too.

    Returns:
        Exit status 0.

    Raises:
        ConfigError: if a method has no constants, no prompt would be left to fit, or there are too
            few changes for a polynomial; nothing is sampled then.
        CannotFit: if what was measured determines no constants.
    """
    points = [
        replace(point.settings, prompts=calibration_prompts(point.settings))
        for point in grid.points
    ]
    for settings in points:
        check_can_calibrate(settings)
    logging.basicConfig(format="%(message)s")  # Hydra, which starts no job here, sets up nothing.
    with progress.shown(len(points)):
        for settings in points:
            _calibrate(settings, len(points) == 1)
            progress.current().point("ok", cached=False)
    return OK


def _calibrate(settings: Settings, alone: bool) -> None:
    _, held_out = divided(settings)
    measured = measure_videos(settings)
    weights = digest_weights(settings, open_session(settings).sampler.weights)
    fitted = fit_constants(settings, measured, held_out)
    content = document(settings, weights, measured, held_out, fitted)
    folder = calibration_folder(settings)
    file = folder / "calibration.json"
    text = page(content, str(file))
    write_sealed_json(file, content)
    if alone and settings.json is not None:
        write_sealed_json(settings.json, content)
    write_bytes(folder / "calibration.md", text.encode())
    write_bytes(folder / "calibration.png", png(calibration_figure(content)))
    screen = make_console()
    screen.print(escape(text), highlight=False, soft_wrap=True)
    screen.print(f"written to {folder}", highlight=False, soft_wrap=True)


def calibration_folder(settings: Settings) -> Path:
    """Where a calibration is written."""
    if settings.name is not None:
        return settings.results_dir / settings.name
    asked = {
        "identity": {**settings_identity(settings), "method": settings.method.name},
        "calibrate": asdict(settings.calibrate),
    }
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    name = f"{settings.model.name}-{settings.method.name}-{digest}"
    return settings.results_dir / "calibrations" / name
