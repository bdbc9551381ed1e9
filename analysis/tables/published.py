"""Tables 1, 2 and 3 of the PAB paper, with what was measured here beside the printed numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.comparisons import ALL, CHANGE, components, objects
from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.frames import baseline_name
from analysis.intervals import definition
from analysis.paper.facts import Cell, ModelSettings, PublishedTable, Row, settings, table
from analysis.paper.match import (
    EXPERIMENTS_OF,
    differences,
    method_name,
    model_of,
    row_of_authors,
    rule_differences,
    setting_of,
    stands_beside,
)
from analysis.points import Point
from analysis.tables.layout import MARK
from analysis.tables.write import MadeTable, TextTable
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

PAPER, OURS = "paper", "ours"
_OWN_COLUMN = {
    "psnr": "psnr_db",
    "lpips": "lpips",
    "ssim": "ssim",
    "latency_s": "denoise_s",
    "speedup": "speedup",
    "flops_t": "flops_t",
    "delta_s": "delta_s",
    "vbench_pct": "vbench_total_pct",
}
"""The paper's columns -> those of our rows."""
_QUALITY = {"psnr": "PSNR dB", "lpips": "LPIPS", "ssim": "SSIM"}
_EXTRA = {"temporal_flickering": "VBench flicker"}
"""Parts of VBench that are computed here, and that the paper does not print."""
_FORMS = {
    "vbench_pct": ".2f",
    "psnr": ".2f",
    "lpips": ".4f",
    "ssim": ".4f",
    "flops_t": ".2f",
    "latency_s": ".2f",
    "delta_s": "+.2f",
    "speedup": ".2f",
    "temporal_flickering": ".4f",
}
_OWN_FORMS = {**_FORMS, "speedup": ".3f"}
"""What was measured in turns is known to more digits than the paper prints."""
_UNCONFIRMED = "?"
_SPEED_NOTE = (
    "ours, speedup and seconds: of denoising, from calls in turns with the baseline's; the "
    "speedup with its 95 % interval."
)


@dataclass(frozen=True)
class _Line:
    """One row: printed or measured.

    Attributes:
        model: key of the paper's model.
        name: the method or change, as a key.
        source: `paper`, or ours with the model and how it was sampled.
        cells: by column.
        ends: of intervals, by column.
        note: what is known about it.
        point: id of what was measured.
        fault: what cannot be true of its speedup, or empty.
        setting: whose setting of a method it is; empty for PAB.
    """

    model: str
    name: str
    source: str
    cells: Mapping[str, Cell | float | None]
    ends: Mapping[str, tuple[float, float]]
    note: str = ""
    point: str = ""
    fault: str = ""
    setting: str = ""


def table1(data: SweepData) -> MadeTable:
    """Table 1: quality, operations and speed of every model and method.

    Raises:
        NothingToShow: no point has the model and rules of a row.
    """
    printed = table(1)
    lines: list[_Line] = []
    contexts: dict[str, tuple[Point, ModelSettings]] = {}
    candidates = list(_candidates(data))
    matched = set()
    for row in printed.rows:
        lines.append(_printed(row))
        for model, ours, point, baseline in candidates:
            named = row_of_authors(method_name(point), row)
            if model.key == row.model and (stands_beside(point, row) or named):
                name = baseline_name(baseline)
                contexts.setdefault(name, (baseline, model))
                note = "; ".join(rule_differences(point, model))
                line = _measured(row.model, row.name, name, ours, note, point.id)
                lines.append(replace(line, setting=setting_of(method_name(point))))
                matched |= {row.model} if not point.is_baseline else set()
    if not matched:
        raise NothingToShow("no point has the model and the rules of a row of the paper's table 1")
    shown = [line for line in lines if line.model in matched]
    return _made(printed, shown, contexts.values(), data.intervals, with_model=True)


def table2(data: SweepData) -> MadeTable:
    """Table 2: components left out one at a time.

    Raises:
        NothingToShow: see `comparisons.components`.
    """
    rows = components(data)
    whole = rows.loc[rows[CHANGE] == ALL, "denoise_s"].iloc[0]
    rows = rows.assign(delta_s=rows["denoise_s"] - whole)
    rows.loc[rows[CHANGE] == ALL, "delta_s"] = float("nan")
    return _changes(data, 2, rows)


def table3(data: SweepData) -> MadeTable:
    """Table 3: what is broadcast.

    Raises:
        NothingToShow: see `comparisons.objects`.
    """
    return _changes(data, 3, objects(data))


def _changes(data: SweepData, number: int, rows: pd.DataFrame) -> MadeTable:
    printed = table(number)
    points = {job.number: (job, point) for job, point in data.sweep.finished}
    lines = [_printed(row) for row in printed.rows]
    contexts = {}
    for row in rows.to_dict("records"):
        entry = points.get(row.get("job"))  # The baseline is in no job of its own.
        note, identifier = "", ""
        if entry is not None:
            job, point = entry
            identifier = point.id
            model = model_of(point)
            if model is not None:
                note = "; ".join(rule_differences(point, model))
                contexts[row["context"]] = (job.baseline or point, model)
        lines.append(_measured("", row[CHANGE], row["context"], row, note, identifier))
    return _made(printed, lines, contexts.values(), data.intervals, with_model=False)


def _candidates(
    data: SweepData,
) -> Iterable[tuple[ModelSettings, Mapping[str, Any], Point, Point]]:
    """Every point of a model of the paper, baselines first, with its row of the summary."""
    rows = {row["job"]: row for row in data.finished.to_dict("records")}
    seen = set()
    for job, point in data.sweep.finished:
        baseline, model = job.baseline, model_of(point)
        if baseline is None or model is None:
            continue
        if baseline.id not in seen:
            seen.add(baseline.id)
            yield model, _baseline_row(data, baseline), baseline, baseline
        if point.id not in seen:
            seen.add(point.id)
            yield model, rows[job.number] | {"flops_t": _flops(point)}, point, baseline


def _baseline_row(data: SweepData, baseline: Point) -> dict[str, Any]:
    row = {name: entry.get("value") for name, entry in (baseline.value("quality") or {}).items()}
    timed = data.finished["job"].isin(data.compared(baseline))
    seconds = data.finished.loc[timed, "baseline_denoise_s"].dropna()
    row["denoise_s"] = seconds.iloc[0] if len(seconds) else None
    return row | {"flops_t": _flops(baseline)}


def _flops(point: Point) -> float | None:
    count = point.value("cost", "flops_method")
    return None if count is None else count / 1e12


def _convention(point: Point, lines: Iterable[_Line]) -> list[str]:
    """How our operations were counted, where they are shown."""
    name = point.value("cost", "convention")
    shown = any(line.source != PAPER and _value(line, "flops_t") is not None for line in lines)
    return [f"TFLOPs by the convention `{name}`, see `task=cost`"] if name and shown else []


def _printed(row: Row) -> _Line:
    own = next((method for method, name in EXPERIMENTS_OF.items() if name == row.name), "")
    return _Line(row.model, row.name, PAPER, row.cells, {}, row.note, setting=setting_of(own))


def _measured(
    model: str, name: str, context: str, row: Mapping[str, Any], note: str, point: str
) -> _Line:
    cells, ends = {}, {}
    for column, own in {**_OWN_COLUMN, **{name: name for name in _EXTRA}}.items():
        cells[column] = row.get(own)
        low, high = row.get(f"{own}_low"), row.get(f"{own}_high")
        if low is not None and not pd.isna(low) and high is not None:
            ends[column] = (low, high)
    fault = row.get("speed_fault")
    wrong = fault if isinstance(fault, str) else ""
    return _Line(model, name, f"{OURS}: {context}", cells, ends, note, point, wrong)


def _made(
    printed: PublishedTable,
    lines: Sequence[_Line],
    contexts: Iterable[tuple[Point, ModelSettings]],
    intervals: pd.DataFrame,
    with_model: bool,
) -> MadeTable:
    columns = {**printed.columns, **_QUALITY, **_EXTRA}
    shown = {c: h for c, h in columns.items() if any(_value(line, c) is not None for line in lines)}
    keys = ["model", "row", "source"] if with_model else ["row", "source"]
    # Whose setting it is matters where rows of the same name were measured.
    with_setting = any(line.setting and line.source != PAPER for line in lines)
    keys += ["setting"] if with_setting else []
    document = TextTable(
        headers=[*keys, *shown.values()],
        rows=[_cells(line, shown, with_model, printed.names, with_setting) for line in lines],
        numeric=[False] * len(keys) + [True] * len(shown),
        notes=[*_notes(printed, lines, contexts), *definition(intervals)],
    )
    return MadeTable(document, csv_text(_frame(lines, shown)))


def _cells(
    line: _Line,
    columns: Iterable[str],
    with_model: bool,
    names: Mapping[str, str],
    with_setting: bool,
) -> list[str]:
    models = {model.key: model.name for model in settings()}
    return [
        *([models[line.model]] if with_model else []),
        names.get(line.name, line.name),
        line.source,
        *([line.setting or MISSING] if with_setting else []),
        *(_text(line, column) for column in columns),
    ]


def _text(line: _Line, column: str) -> str:
    value = _value(line, column)
    if value is None:
        return MISSING
    cell = line.cells.get(column)
    if isinstance(cell, Cell):
        text = format(value, _FORMS[column])
        return text if cell.confirmed else text + _UNCONFIRMED
    form = _OWN_FORMS[column]
    text = format(value, form) + (MARK if column == "speedup" and line.fault else "")
    if column in line.ends:
        low, high = (format(end, form) for end in line.ends[column])
        text += f" [{low}, {high}]"
    return text


def _value(line: _Line, column: str) -> float | None:
    cell = line.cells.get(column)
    value = cell.value if isinstance(cell, Cell) else cell
    return None if value is None or pd.isna(value) else float(value)


def _frame(lines: Sequence[_Line], columns: Iterable[str]) -> pd.DataFrame:
    rows = []
    for line in lines:
        row: dict[str, Any] = {
            "model": line.model,
            "row": line.name,
            "source": line.source,
            "point": line.point,
        }
        unconfirmed = []
        for column in columns:
            row[column] = _value(line, column)
            low, high = line.ends.get(column, (None, None))
            row |= {f"{column}_low": low, f"{column}_high": high}
            cell = line.cells.get(column)
            if isinstance(cell, Cell) and not cell.confirmed:
                unconfirmed.append(column)
        row["unconfirmed"] = " ".join(unconfirmed)
        row["speed_fault"] = line.fault or None
        row["note"] = line.note
        row["setting"] = line.setting or None
        rows.append(row)
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def _notes(
    printed: PublishedTable,
    lines: Sequence[_Line],
    contexts: Iterable[tuple[Point, ModelSettings]],
) -> list[str]:
    cells = [
        (line, column, cell)
        for line in lines
        for column, cell in line.cells.items()
        if isinstance(cell, Cell)
    ]
    notes = [f"paper: {printed.item} of arXiv 2408.12588, measured on {printed.setting}."]
    if any(not cell.confirmed for _, _, cell in cells):
        notes.append(f"{_UNCONFIRMED}: no source that prints this number was found.")
    for baseline, model in contexts:
        found = "; ".join([*differences(baseline, model), *_convention(baseline, lines)])
        notes.append(f"{baseline_name(baseline)}, beside {model.name}: {found}.")
    notes += [
        f"{printed.names.get(line.name, line.name)} ({line.source}): {line.note}."
        for line in lines
        if line.note
    ]
    notes += [
        f"{printed.names.get(line.name, line.name)} ({line.source}): speedup {line.fault}."
        for line in lines
        if line.fault
    ]
    if any("speedup" in line.ends for line in lines):
        notes.append(_SPEED_NOTE)
    name = printed.names.get
    notes += [
        f"{name(line.name, line.name)}, {printed.columns[column]} (paper): {cell.note}."
        for line, column, cell in cells
        if cell.note
    ]
    used = dict.fromkeys(key for _, _, cell in cells for key in cell.sources)
    notes += [f"source {key}: {printed.sources[key]}." for key in used]
    return notes
