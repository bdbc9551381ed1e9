"""Where the jobs of a sweep stand on an x axis, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.selection import evenly
from analysis.figures.style import MUTED
from pab_bench.names import WITH_NUMBERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_TICKS = 9
_NOT_A_NAME = ("without",)
"""Keys whose values would say the contrary without the key."""
_MOST_LABELS = 30
_MOST_MISSING = 30
_LONGEST = 24
"""Characters of the longest name that figures have room for."""


@dataclass(frozen=True)
class JobAxis:
    """Positions for the jobs of a table, in its order.

    Attributes:
        title: the swept key, or empty where jobs are shown by their labels.
        positions: one per job.
        labels: one per job.
        numeric: whether the positions are values of the swept key.
    """

    title: str
    positions: tuple[float, ...]
    labels: tuple[str, ...]
    numeric: bool

    def apply(self, axes: Axes) -> None:
        """Set ticks, their labels and the axis title."""
        axes.set_xlabel(self.title)
        if self.numeric:
            low, high = min(self.positions), max(self.positions)
            margin = 0.12 * (high - low) or 0.5
            axes.set_xlim(low - margin, high + margin)
            if len(set(self.positions)) <= _MOST_TICKS:
                ticks = sorted(set(self.positions))
                axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            return
        places = evenly(range(len(self.positions)), _MOST_LABELS)
        labels = [self.labels[place] for place in places]
        axes.set_xticks([self.positions[place] for place in places], labels)
        axes.set_xlim(-0.6, len(self.positions) - 0.4)
        if sum(map(len, labels)) > 24:
            axes.tick_params("x", rotation=40)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")


def draw_missing(axes: Axes, places: pd.Series) -> None:
    """Say where there is no value, at most thirty times; `places` are positions of jobs."""
    for place in places.iloc[:_MOST_MISSING]:
        axes.text(
            place,
            0.03,
            "no value",
            transform=axes.get_xaxis_transform(),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=6.5,
            color=MUTED,
        )


def finished(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows with numbers.

    Raises:
        NothingToShow: there are none.
    """
    rows = summary[summary["status"].isin(WITH_NUMBERS)].reset_index(drop=True)
    if rows.empty:
        raise NothingToShow("no finished job")
    return rows


def job_axis(rows: pd.DataFrame, swept: Sequence[str]) -> JobAxis:
    """The axis for `rows` of the summary: the swept key if exactly one numeric key is swept."""
    labels = job_labels(rows, swept)
    if len(swept) == 1 and pd.api.types.is_numeric_dtype(rows[swept[0]]):
        values = rows[swept[0]]
        if not values.isna().any():
            return JobAxis(swept[0], tuple(map(float, values)), labels, True)
    return JobAxis("", tuple(map(float, range(len(rows)))), labels, False)


def job_labels(rows: pd.DataFrame, swept: Sequence[str]) -> tuple[str, ...]:
    """A name per job that fits a figure.

    The value of the swept key if a single one names the jobs (presets, say), otherwise the rules,
    with swept keys and job numbers where those do not tell apart. Where a name would be too long,
    all jobs go by their numbers, under which the tables list them.
    """
    if len(swept) == 1 and not pd.api.types.is_numeric_dtype(rows[swept[0]]):
        key = f"{swept[0]} " if swept[0] in _NOT_A_NAME else ""
        values = [f"{key}{value}" for value in rows[swept[0]]]
        if len(set(values)) == len(values) and max(map(len, values)) <= _LONGEST:
            return tuple(values)
    labels = _rules_labels(rows, swept)
    if max(map(len, labels)) > _LONGEST:
        return tuple(f"job {job}" for job in rows["job"])
    return labels


def _rules_labels(rows: pd.DataFrame, swept: Sequence[str]) -> tuple[str, ...]:
    labels = [str(text) if isinstance(text, str) else "?" for text in rows["rules"]]
    for name in swept:
        repeated = {label for label in labels if labels.count(label) > 1}
        if not repeated:
            break
        alike = rows.assign(label=labels).groupby("label")[name].nunique(dropna=False)
        labels = [
            f"{label}, {name}={value}" if label in repeated and alike[label] > 1 else label
            for label, value in zip(labels, rows[name], strict=True)
        ]
    repeated = {label for label in labels if labels.count(label) > 1}
    return tuple(
        f"{label}, job {job}" if label in repeated else label
        for label, job in zip(labels, rows["job"], strict=True)
    )
