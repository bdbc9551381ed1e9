"""Everything that the report's scripts show, as plain data."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.report.curves import curves_content
from analysis.report.numbers import short
from analysis.report.schedules import schedules_content
from analysis.report.videos import videos_content
from analysis.tables.layout import Column
from analysis.tables.provenance import reasons
from analysis.tables.summary import shown_columns
from pab_bench.names import WITH_NUMBERS

_AXES = {"speedup": "speedup", "reuse_share": "share of module calls reused"}


def report_content(data: SweepData) -> dict[str, Any]:
    """The summary's columns and rows, chart axes, curves, schedules and videos."""
    columns = shown_columns(data)
    rows = data.summary.to_dict("records")
    names = _numeric_axes(data)
    return {
        "columns": [_column(column) for column in columns],
        "rows": [_row(data, columns, names, row) for row in rows],
        "axes": _axes(data),
        "curves": curves_content(data),
        "schedules": schedules_content(data),
        "videos": videos_content(data),
    }


def failed_jobs(data: SweepData) -> list[dict[str, Any]]:
    """Jobs without numbers: number, status, what was asked for, and the reason."""
    return [
        {
            "job": job.number,
            "status": job.status,
            "asked": ", ".join(f"{k}={v}" for k, v in (job.overrides or {}).items()),
            "reason": job.error or "no reason recorded",
        }
        for job in data.sweep.jobs
        if not job.has_numbers
    ]


def missing_numbers(data: SweepData) -> list[str]:
    """Why numbers of finished jobs are missing."""
    unfinished = sum(1 for job in data.sweep.jobs if job.error)
    return reasons(data)[unfinished:]  # Those come first; `failed_jobs` has them.


def _column(column: Column) -> dict[str, Any]:
    return {"header": column.header, "numeric": column.numeric}


def _row(
    data: SweepData, columns: list[Column], names: list[str], row: dict[str, Any]
) -> dict[str, Any]:
    number = int(row["job"])
    entry: dict[str, Any] = {
        "job": number,
        "label": data.labels.get(number, f"job {number}"),
        "ok": row["status"] in WITH_NUMBERS,
        "cells": [_cell(column, row) for column in columns],
    }
    if entry["ok"]:
        if not pd.isna(row["speedup_low"]):
            ends = (short(float(row[f"speedup_{end}"])) for end in ("low", "high"))
            entry["ends"] = {"speedup": list(ends)}
        if not pd.isna(row["speed_fault"]):
            entry["fault"] = row["speed_fault"]
        entry["values"] = {
            name: short(float(row[name])) if not pd.isna(row[name]) else None for name in names
        }
    return entry


def _cell(column: Column, row: dict[str, Any]) -> list[Any]:
    """Text, what it is sorted by, and the interval if there is one."""
    interval = column.interval(row)
    cell = [column.value(row), _sort_value(row[column.name])]
    return [*cell, interval] if interval else cell


def _sort_value(value: Any) -> float | str | None:
    if pd.isna(value):
        return None
    return value if isinstance(value, str) else short(float(value))


def _axes(data: SweepData) -> list[dict[str, Any]]:
    """What the scatter plot can show on its axes, with the direction that is better and the cap."""
    found: list[dict[str, Any]] = []
    for name in _numeric_axes(data):
        if data.finished[name].notna().sum() == 0:
            continue
        facts = data.metrics.get(name)
        if facts is not None:
            way = {True: 1, False: -1, None: 0}[facts.higher_is_better]
            text = facts.direction
        else:
            way = {"speedup": 1, "reuse_share": 1, "denoise_s": -1, "peak_cache_bytes": -1}.get(
                name, 0
            )
            text = _AXES.get(name, name)
        kind = "quality" if facts is not None else "cost"
        cap = None if facts is None else facts.cap
        found.append({"name": name, "text": text, "better": way, "kind": kind, "cap": cap})
    return found


def _numeric_axes(data: SweepData) -> list[str]:
    swept = list(data.summary[data.swept].select_dtypes("number").columns)
    return ["speedup", "reuse_share", "denoise_s", "peak_cache_bytes", *swept, *data.metrics]
