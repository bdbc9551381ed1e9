"""What audits of other people's accelerations have found, with the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.points import Point
from analysis.tables.provenance import provenance
from analysis.tables.write import MadeTable, TextTable
from pab_bench.systems.call_arguments import CallArguments
from pab_bench.text.spreadsheet import csv_text

_HEADERS = ("job", "model", "acceleration", "finding", "evidence", "what to do")
_NUMERIC = (True, False, False, False, False, False)


def audit_frame(data: SweepData) -> pd.DataFrame:
    """One row per finding, and one per point without any.

    Raises:
        NothingToShow: no point is one of somebody else's acceleration.
    """
    rows = [
        {"job": job.number, "model": point.value("model", "name"), **row}
        for job, point in data.sweep.finished
        for row in _rows(point)
    ]
    if not rows:
        raise NothingToShow("no point is one of method=external")
    return pd.DataFrame(rows)


def _rows(point: Point) -> Iterator[dict[str, Any]]:
    audit = point.value("audit")
    if not audit:
        return
    own = {"acceleration": _acceleration(point.value("config", "method"))}
    for found in audit["findings"]:
        yield {
            **own,
            "finding": found["name"],
            "meaning": found["meaning"],
            "evidence": found["evidence"],
            "remedy": found["remedy"],
        }
    if not audit["findings"]:
        calls = " and ".join(audit["calls"])
        how = "" if audit["trials"] else "; no further samplings (method.audit=false)"
        yield {
            **own,
            "finding": "none",
            "meaning": "",
            "evidence": f"computed {calls}{how}",
            "remedy": "",
        }


def _acceleration(method: Any) -> str:
    if not isinstance(method, Mapping):
        return str(method)
    arguments = CallArguments(str(method.get("arguments") or "{}"))
    return f"{method.get('enable')} {arguments}" if arguments else str(method.get("enable"))


def audit_table(data: SweepData) -> MadeTable:
    """The findings for documents; what each means follows below.

    Raises:
        NothingToShow: no point is one of somebody else's acceleration.
    """
    frame = audit_frame(data)
    names = {"acceleration", "finding", "evidence", "remedy"}
    cells = [
        [str(row["job"]), str(row["model"]), *(str(row[key]) for key in frame if key in names)]
        for row in frame.to_dict("records")
    ]
    meant = frame[frame["finding"] != "none"].drop_duplicates("finding")
    notes = [f"{row['finding']}: {row['meaning']}." for row in meant.to_dict("records")]
    notes.append(
        "Digits stand for the calls of a video: 2 everything computed, 1 one half of the guidance "
        "batch, + some modules, 0 none."
    )
    document = TextTable(_HEADERS, cells, _NUMERIC, [*notes, *provenance(data)])
    return MadeTable(document, csv_text(frame))
