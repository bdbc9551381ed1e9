"""Every quality metric of every job, with its interval, or the reason why it is missing."""

from __future__ import annotations

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.intervals import definition
from analysis.tables.write import MadeTable, TextTable
from pab_bench.text.missing import MISSING
from pab_bench.text.spreadsheet import csv_text

_MOST_ROWS = 400
"""Of the table that people read; the CSV file has all rows."""


def metrics_frame(data: SweepData) -> pd.DataFrame:
    """One row per finished job and metric, with what limits its interval (`note`).

    Raises:
        NothingToShow: no finished job has quality metrics.
    """
    known = data.intervals.set_index(["job", "metric"])[["low", "high", "n", "note"]].to_dict(
        "index"
    )
    medians = data.videos.groupby(["job", "metric"])["value"].median().to_dict()
    rows = []
    for job, point in data.sweep.finished:
        quality = point.value("quality") or {}
        for name, facts in data.metrics.items():
            if name not in quality:
                continue
            place = (job.number, name)
            entry = quality[name]
            ends = known.get(place, {})
            rows.append(
                {
                    "job": job.number,
                    "label": data.labels[job.number],
                    "metric": name,
                    "value": entry.get("value"),
                    "low": ends.get("low"),
                    "high": ends.get("high"),
                    "median": medians.get(place),
                    "videos": ends.get("n", 0),
                    "note": ends.get("note", ""),
                    "reason": entry.get("reason"),
                    "higher_is_better": facts.higher_is_better,
                    "unit": facts.unit,
                }
            )
    if not rows:
        raise NothingToShow("no finished job has quality metrics")
    frame = pd.DataFrame(rows)
    numbers = dict.fromkeys(("value", "low", "high", "median"), "float64")
    return frame.astype({**numbers, "videos": "int64"})


def metrics_table(data: SweepData) -> MadeTable:
    """Every metric of every finished job.

    Raises:
        NothingToShow: no finished job has quality metrics.
    """
    frame = metrics_frame(data)
    return MadeTable(_document(data, frame), csv_text(frame))


def _document(data: SweepData, frame: pd.DataFrame) -> TextTable:
    headers = ["job", "point", "metric", "mean", "95 % interval", "median", "videos", "why missing"]
    rows = []
    for row in frame.head(_MOST_ROWS).to_dict("records"):
        facts = data.metrics[row["metric"]]
        rows.append(
            [
                str(row["job"]),
                row["label"],
                f"{facts.heading} {facts.arrow}".strip(),
                _text(facts.text, row["value"]),
                MISSING
                if pd.isna(row["low"])
                else f"{facts.text(row['low'])} to {facts.text(row['high'])}",
                _text(facts.text, row["median"]),
                str(row["videos"]),
                "" if pd.isna(row["reason"]) else row["reason"],
            ]
        )
    notes = definition(data.intervals)
    notes += [
        f"{facts.label}: {facts.definition}" + (f" ({facts.source})" if facts.source else "")
        for facts in data.metrics.values()
        if facts.definition
    ]
    if len(frame) > _MOST_ROWS:
        notes.append(f"The first {_MOST_ROWS} of {len(frame)} rows; metrics.csv has all.")
    numeric = [True, False, False, True, True, True, True, False]
    return TextTable(headers, rows, numeric, notes)


def _text(form: object, value: float) -> str:
    return MISSING if pd.isna(value) else form(value)  # type: ignore[operator]
