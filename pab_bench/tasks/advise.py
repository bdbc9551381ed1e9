"""`task=advise`: rules that meet a target, as a preset, with what they were proven by."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from rich.markup import escape

from pab_bench.advice.advisor import Advisor
from pab_bench.advice.alternative_points import methods_content, sample_alternatives
from pab_bench.advice.content import content
from pab_bench.advice.markdown import markdown
from pab_bench.advice.rules_file import rules_yaml
from pab_bench.advice.target import has_rules, stated_target
from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.errors import FAILED, OK
from pab_bench.experiment.identity import advice_identity
from pab_bench.files import write_bytes, write_json
from pab_bench.tasks.flat_windows import grid_with_windows


def advise(grid: Grid) -> int:
    """Advise on every grid point: its model, size, prompts, steps and target.

    Writes `advice.json`, `advice.md`, `advice.png` and, if rules were found, `preset.yaml` into
    `results_dir/advice/<model>-<digest of what was asked>/`, or into `results_dir/<name>`.

    Returns:
        Exit status: 1 if for some point no rules were found.

    Raises:
        ConfigError: if a point has no target that can be meant; nothing is sampled then.
        AdviceFailed: if a point that is needed cannot be sampled.
    """
    for point in grid.points:
        stated_target(point.settings)
    logging.basicConfig(format="%(message)s")  # Hydra, which starts no job here, sets up nothing.
    logging.getLogger("pab_bench").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as run:
        grid = grid_with_windows(grid, Path(run))
    found = [advise_on(point.settings) for point in grid.points]
    return OK if all(found) else FAILED


def advise_on(settings: Settings) -> bool:
    """Advise on one model; whether rules were found."""
    from analysis.figures.advice import advice_figure
    from analysis.figures.save import png
    from pab_bench.text.terminal import console

    folder = advice_folder(settings)
    advisor = Advisor(settings, folder)
    advisor.advise()
    _time(advisor)
    sampled = sample_alternatives(advisor, folder)
    advice = content(advisor) | methods_content(advisor, sampled)
    page = markdown(advice)
    write_json(folder / "advice.json", advice)
    write_bytes(folder / "advice.md", page.encode())
    write_bytes(folder / "advice.png", png(advice_figure(advice)))
    chosen = advisor.recommended()
    preset = folder / "preset.yaml"
    if chosen is None:
        preset.unlink(missing_ok=True)
    else:
        write_bytes(preset, rules_yaml(chosen.rules, _comments(preset, advice)).encode())
    screen = console()
    screen.print(escape(page), highlight=False, soft_wrap=True)
    screen.print(f"written to {folder}", highlight=False, soft_wrap=True)
    if chosen is not None:
        line = f"use it with: python -m pab_bench model={settings.model.name} pab_file={preset}"
        screen.print(line, highlight=False, soft_wrap=True)
    return chosen is not None or bool(advice.get("methods", {}).get("ranked"))


def _time(advisor: Advisor) -> None:
    """Time the calls of the rules that are found, and of those to beat, in turns."""
    if not advisor.settings.speed.calls:
        return
    from pab_bench.speed.points import time_points

    found = [t for t in (advisor.recommended(), advisor.to_beat) if t is not None]
    settings = replace(advisor.settings, speed=replace(advisor.settings.speed, turns=0))
    time_points([settings], [advisor.baseline, *(trial.record for trial in found)])


def advice_folder(settings: Settings) -> Path:
    """Where the advice on a model is written."""
    if settings.name is not None:
        return settings.results_dir / settings.name
    asked = advice_identity(settings, has_rules(settings))
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]
    return settings.results_dir / "advice" / f"{settings.model.name}-{digest}"


def _comments(preset: Path, advice: dict[str, object]) -> list[str]:
    chosen = advice["recommended"]
    assert isinstance(chosen, dict)
    target = advice["target"]
    assert isinstance(target, dict)
    return [
        f"python -m pab_bench model={advice['model']} pab_file={preset.name}",
        f"Found by task=advise for {advice['model']}, {advice['steps']} steps; target: "
        f"{target['in_words']}.",
        f"Measured: LPIPS {chosen['measured']['lpips']:.5f}, "
        f"PSNR {chosen['measured']['psnr']:.2f} dB, "
        f"{chosen['flops_ratio']:.4f} of the baseline's operations.",
        "To make it a preset, copy it to conf/preset/NAME.yaml and add the line `preset: NAME`.",
    ]
