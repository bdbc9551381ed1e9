"""Writes report.html: one file with everything in it, readable without any network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.data import SweepData
from analysis.figures.catalog import Drawing
from analysis.intervals import definition
from analysis.report.content import failed_jobs, missing_numbers, report_content
from analysis.report.rivals import answers
from analysis.report.sprites import data_uri
from analysis.tables.provenance import facts
from analysis.tables.speed_notes import speed_faults
from analysis.tables.write import TextTable
from pab_bench.files import write_text

_FOLDER = Path(__file__).parent
_SCRIPTS = ("page", "table", "scatter", "curves", "schedule", "player", "start")
FIGURES_BUDGET = 4_500_000
_IN_TABLE_ALREADY = ("Summary",)


def write_report(
    data: SweepData,
    documents: Mapping[str, TextTable],
    drawings: Sequence[Drawing],
    notes: Sequence[str],
) -> Path:
    """Write report.html into the sweep's folder.

    Args:
        data: the sweep.
        documents: the tables that could be made, by title.
        drawings: the sweep's figures; those whose PNG file is there are shown.
        notes: facts that limit what the numbers mean.
    """
    page = render(data, documents, drawings, notes)
    return write_text(data.sweep.directory / "report.html", page)


def render(
    data: SweepData,
    documents: Mapping[str, TextTable],
    drawings: Sequence[Drawing],
    notes: Sequence[str],
) -> str:
    """The page as text; the arguments are those of `write_report`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content = report_content(data)
    shown, left_out = _figures(data, drawings)
    template = environment.get_template("report.html.jinja")
    return template.render(
        name=_name(data),
        sentence=_sentence(data),
        failed=failed_jobs(data),
        missing=missing_numbers(data),
        notes=list(notes),
        faults=speed_faults(data),
        provenance=facts(data.sweep),
        intervals=" ".join(definition(data.intervals)),
        definitions=[
            (metric.heading, metric.definition, metric.source)
            for metric in data.metrics.values()
            if metric.definition
        ],
        has=_sections(content),
        rivals=answers(data),
        left_out_videos=content["videos"].get("left_out", 0),
        figures=shown,
        figures_left_out=left_out,
        tables=[(t, table) for t, table in documents.items() if t not in _IN_TABLE_ALREADY],
        style=(_FOLDER / "style.css").read_text(encoding="utf-8"),
        scripts=[(_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS],
        content=_embedded(content),
    )


def _embedded(content: dict[str, Any]) -> str:
    """JSON that nothing in it can end the element around it."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _name(data: SweepData) -> str:
    directory = data.sweep.directory
    return f"{directory.parent.name} / {directory.name}"


def _sentence(data: SweepData) -> str:
    """What was run, in one line."""
    jobs, finished = len(data.sweep.jobs), len(data.finished)
    models = " and ".join(str(name) for name in data.finished["model"].dropna().unique())
    parts = [f"{jobs} grid point{'s' * (jobs != 1)}"]
    if finished < jobs:
        parts[0] += f", {finished} of them finished"
    if models:
        parts.append(f"model {models}")
    videos = data.finished["videos"].dropna().unique()
    if len(videos):
        counts = " or ".join(str(count) for count in sorted(videos))
        parts.append(f"{counts} video{'s' * (counts != '1')} per point")
    if data.swept:
        parts.append(f"swept: {', '.join(data.swept)}")
    return "; ".join(parts) + "."


def _sections(content: Mapping[str, Any]) -> dict[str, bool]:
    kinds = {axis["kind"] for axis in content["axes"]}
    return {
        "scatter": kinds == {"quality", "cost"},
        "curves": bool(content["curves"]),
        "schedules": bool(content["schedules"]),
        "videos": bool(content["videos"].get("variants")),
    }


def _figures(
    data: SweepData, drawings: Sequence[Drawing]
) -> tuple[list[dict[str, str]], list[str]]:
    """Title and picture of the figures that were made; names of those there is no room for."""
    shown, left_out, spent = [], [], 0
    for drawing in drawings:
        path = data.sweep.directory / "figures" / f"{drawing.name}.png"
        if not path.is_file():
            continue
        picture = path.read_bytes()
        spent += len(picture)
        if spent > FIGURES_BUDGET:
            left_out.append(drawing.name)
            continue
        entry = {"name": drawing.name, "title": drawing.title}
        shown.append({**entry, "uri": data_uri(picture, "image/png")})
    return shown, left_out
