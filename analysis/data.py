"""The tables of one sweep, each made once and shared by tables, figures and the report."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pandas as pd

from analysis import frames
from analysis.control import control_of, controls_in
from analysis.errors import NothingToShow
from analysis.figures.job_axis import job_labels
from analysis.intervals import intervals_frame
from analysis.metrics import MetricFacts
from analysis.points import Point, Sweep
from analysis.same_prompts import same_prompts
from analysis.speeds import JobSpeed, speeds_of
from analysis.summary import summary_frame, sweep_metrics, swept_columns
from pab_bench.names import WITH_NUMBERS

LOW, HIGH = "_low", "_high"


class SweepData:
    """What a sweep's products are made from.

    Args:
        sweep: the jobs and points.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._curves: dict[str, pd.DataFrame] = {}
        self._controls: dict[Path, list[Point]] = {}

    @cached_property
    def metrics(self) -> dict[str, MetricFacts]:
        """The metrics by column."""
        return sweep_metrics(self.sweep)

    @cached_property
    def swept(self) -> list[str]:
        """The summary's columns of swept keys."""
        return list(swept_columns(self.sweep).values())

    @cached_property
    def speeds(self) -> dict[int, JobSpeed]:
        """Job number -> how fast its point is: see `speeds_of`."""
        return speeds_of(self.sweep)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per job, with the ends of every metric's interval as `<metric>_low`, `_high`."""
        summary = summary_frame(self.sweep, self.speeds)
        ends = self.intervals.pivot(index="job", columns="metric", values=["low", "high"])
        for name in self.metrics:
            place = summary.columns.get_loc(name) + 1
            for end, suffix in (("high", HIGH), ("low", LOW)):
                found = (end, name) in ends.columns
                column = summary["job"].map(ends[end, name]) if found else float("nan")
                summary.insert(place, f"{name}{suffix}", column)
        return summary

    @cached_property
    def finished(self) -> pd.DataFrame:
        """The summary's rows with numbers, with a short name for each: `label`."""
        rows = self.summary[self.summary["status"].isin(WITH_NUMBERS)].reset_index(drop=True)
        return rows.assign(label=job_labels(rows, self.swept) if len(rows) else [])

    @cached_property
    def labels(self) -> dict[int, str]:
        """Job number -> its name."""
        return dict(zip(self.finished["job"], self.finished["label"], strict=True))

    @cached_property
    def videos(self) -> pd.DataFrame:
        """One value per video: see `frames.video_metrics`."""
        return frames.video_metrics(self.sweep)

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """Mean and interval per job and metric: see `intervals_frame`."""
        return intervals_frame(self.videos, self.same_prompts)

    @cached_property
    def same_prompts(self) -> dict[int, dict[int, int]]:
        """Job number -> prompts that are the same video as an earlier one, where there are any."""
        found = {job.number: same_prompts(point) for job, point in self.sweep.finished}
        return {number: same for number, same in found.items() if same}

    def curves(self, baseline: Point) -> pd.DataFrame:
        """The attention differences of a baseline.

        Raises:
            NothingToShow: they were not recorded.
        """
        if baseline.id not in self._curves:
            self._curves[baseline.id] = baseline.table("curves")
        return self._curves[baseline.id]

    def control(self, baseline: Point) -> pd.DataFrame | None:
        """The curves of the random-weight control of a baseline, if the store holds one."""
        control = control_of(baseline, self._controls_in(baseline.folder.parent))
        return None if control is None else self.curves(control)

    def _controls_in(self, store: Path) -> list[Point]:
        if store not in self._controls:
            self._controls[store] = controls_in(store)
        return self._controls[store]

    def compared(self, baseline: Point) -> dict[int, Point]:
        """Job number -> the points that are compared with this baseline, without itself."""
        return {
            job.number: point
            for job, point in self.sweep.finished
            if job.baseline and job.baseline.id == baseline.id and point.id != baseline.id
        }

    def need_finished(self) -> pd.DataFrame:
        """The finished rows.

        Raises:
            NothingToShow: there are none.
        """
        if self.finished.empty:
            raise NothingToShow("no finished job")
        return self.finished
