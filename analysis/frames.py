"""Tables that span several points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import NothingToShow
from analysis.points import Point, Sweep
from analysis.segments import segment_means
from pab_bench.engine.kinds import KINDS

_PLACE = ["prompt", "seed", "metric"]


def reuse_shares(sweep: Sweep) -> pd.DataFrame:
    """Columns job, kind (also `all`), share: what part of the module calls is reused."""
    rows = [
        {"job": job.number, "kind": kind, "share": point.value("plan", "reuse_share", kind)}
        for job, point in sweep.finished
        for kind in (*KINDS, "all")
    ]
    return pd.DataFrame(rows, columns=["job", "kind", "share"]).astype({"share": "float64"})


def video_metrics(sweep: Sweep) -> pd.DataFrame:
    """`video_values` of all finished jobs, with their number; no rows if nothing is finished."""
    tables, lengths, numbers = [], [], []
    for job, point in sweep.finished:
        path = point.folder / "metrics.parquet"
        if path.is_file():
            # Of thousands of small files, threads and data sets cost more than reading.
            file = pq.ParquetFile(path)
            table = file.read(columns=[*_PLACE, "frame", "value"], use_threads=False)
            tables.append(table)
            lengths.append(table.num_rows)
            numbers.append(job.number)
    if not tables:
        return pd.DataFrame(columns=["job", *_PLACE, "value"]).astype({"value": "float64"})
    # Thousands of small tables: put together first, grouped once.
    rows = pa.concat_tables(tables, promote_options="default").to_pandas()
    rows.insert(0, "job", np.repeat(numbers, lengths))
    return video_values(rows)


def video_values(rows: pd.DataFrame) -> pd.DataFrame:
    """One value per video, from rows of metrics.parquet, with a column job or without.

    A metric of whole videos (frame -1) is taken as it is, others are averaged over the frames.
    """
    key = [name for name in ("job", *_PLACE) if name in rows]
    whole = rows["frame"] < 0
    has_whole = whole.groupby([rows[name] for name in key]).transform("any")
    return rows[whole | ~has_whole].groupby(key)["value"].mean().reset_index()


def baseline_name(point: Point) -> str:
    """The model and the number of steps, for titles."""
    name = f"{point.value('model', 'name') or point.id}, {point.value('config', 'steps')} steps"
    guidance = point.value("config", "guidance")
    return name if guidance is None else f"{name}, guidance {guidance:g}"


def calls(point: Point, curves: pd.DataFrame) -> int:
    """Transformer calls of one video, step 0 included."""
    return int(point.value("plan", "calls") or curves["step"].max() + 1)


def segments_frame(sweep: Sweep) -> pd.DataFrame:
    """`segment_means` of every baseline of the sweep, with its id and name.

    Raises:
        NothingToShow: no baseline has attention differences.
    """
    parts = []
    for point in sweep.baselines:
        try:
            curves = point.table("curves")
        except NothingToShow:
            continue
        means = segment_means(curves, calls(point, curves))
        means.insert(0, "baseline", point.id)
        means.insert(1, "model", point.value("model", "name"))
        means.insert(2, "steps", point.value("config", "steps"))
        parts.append(means)
    if not parts:
        raise NothingToShow("no finished baseline with attention differences")
    return pd.concat(parts, ignore_index=True)
