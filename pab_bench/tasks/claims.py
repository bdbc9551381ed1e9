"""`task=claims`: gets or makes every point's baseline, and tests PAB's claims on its curves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape

from analysis.figures.save import save
from analysis.figures.stable_segment import stable_segment
from analysis.frames import baseline_name
from analysis.points import Point
from analysis.same_prompts import same_prompts, without_repeats
from pab_bench import progress
from pab_bench.claims.control import find_control
from pab_bench.claims.definition import moving
from pab_bench.claims.document import FIGURE, document
from pab_bench.claims.examination import Examination, examine
from pab_bench.claims.report import Report
from pab_bench.claims.stable_segment import segments_frame
from pab_bench.claims.terminal import show
from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.errors import FAILED, OK
from pab_bench.experiment.identity import baseline_of, settings_identity
from pab_bench.experiment.point import make_point
from pab_bench.files import write_json, write_text
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.text.terminal import console as make_console


def claims(grid: Grid) -> int:
    """Test the claims on every baseline that the grid's points have, each once.

    Writes `claims.json`, `claims.md` and a figure into `results/claims/<model>-<baseline id>/`,
    and with `json=FILE` all reports into one file.

    Returns:
        0, or 1 if a baseline failed; the others are examined nevertheless.

    Raises:
        ConfigError: curves are not recorded, or a device is not here.
    """
    wanted = [point.settings for point in grid.points]
    if not all(settings.record.curves for settings in wanted):
        message = "task=claims is about curves; leave it out, or set true"
        raise InvalidSettings([Problem("record.curves=false", message)])
    console = make_console()
    for notice in dict.fromkeys(notice for settings in wanted for notice in _notices(settings)):
        console.print(escape(notice), style="yellow", highlight=False, soft_wrap=True)
    made = _baselines(wanted)
    reports = []
    for record, settings in made:
        if record.status == "failed":
            error = record.error or {}
            message = f"{settings.model.name}: baseline {record.id} failed: "
            message += f"{error.get('type')}: {error.get('message')}"
            console.print(escape(message), style="red", highlight=False, soft_wrap=True)
            continue
        report = _report(record, settings)
        show(report, console)
        reports.append(report)
        _write(report, settings, console)
    path = wanted[0].json
    if path is not None:
        write_json(path, {"reports": [report.to_json() for report in reports]})
        console.print(f"written to {path}", highlight=False, soft_wrap=True)
    return OK if len(reports) == len(made) else FAILED


def _notices(settings: Settings) -> list[str]:
    if not any(settings_identity(settings)["rules"].values()):
        return []
    return ["task=claims looks at the baseline, in which nothing is reused: the rules are ignored"]


def _baselines(wanted: list[Settings]) -> list[tuple[Record, Settings]]:
    """Every baseline once, made or found; all before the first report, which may show another."""
    found: dict[str, tuple[Record, Settings]] = {}
    with tempfile.TemporaryDirectory() as run, progress.shown(len(wanted)):
        for settings in map(baseline_of, wanted):
            made = make_point(settings, Path(run))
            found.setdefault(made.record.id, (made.record, settings))
            progress.current().point(made.record.status, made.cached)
    return list(found.values())


def _report(record: Record, settings: Settings) -> Report:
    store = Store(settings.results_dir)
    point = Point(store.folder(record.id), record.to_json())
    curves = without_repeats(point.table("curves"), same_prompts(point))
    control = find_control(settings.model, record, store)
    beside: Examination | None = None
    if control.point is not None:
        calls = control.point.value("plan", "calls")
        own = without_repeats(control.point.table("curves"), same_prompts(control.point))
        beside = examine(own, calls, sensitivity=False)
    return Report(
        name=baseline_name(point),
        baseline=_facts(record),
        curves=curves,
        calls=record.plan["calls"],
        found=examine(curves, record.plan["calls"]),
        control=beside,
        control_told=control.told,
    )


def _facts(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "model": record.model["name"],
        "weights_digest": record.model["weights_digest"],
        "depth": record.model["depth"],
        "prompts": record.prompts,
        "seeds": record.seeds,
        "steps": record.config["steps"],
        "calls": record.plan["calls"],
        "guidance": record.config["guidance"],
        "device": record.config["device"],
        "versions": record.config["versions"],
    }


def _write(report: Report, settings: Settings, console: Console) -> None:
    name = f"{report.baseline['model']}-{report.baseline['id']}"
    folder = settings.results_dir / "claims" / name
    write_json(folder / "claims.json", report.to_json())
    write_text(folder / "claims.md", document(report))
    figure = stable_segment(moving(report.curves), report.calls, _segments(report), report.name)
    save(figure, folder, FIGURE)
    console.print(f"written to {folder}", highlight=False, soft_wrap=True)


def _segments(report: Report) -> pd.DataFrame:
    return segments_frame(report.found.findings)
