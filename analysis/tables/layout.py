"""Which columns a printed summary has, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from analysis.metrics import MAIN, MetricFacts
from pab_bench.text.missing import MISSING


@dataclass(frozen=True)
class Column:
    """One printed column.

    Attributes:
        name: the column of the summary.
        header: its heading, with an arrow towards better values where there is a direction.
        text: how a value that is there is written.
        numeric: whether it is aligned to the right.
        low, high: the columns with the ends of its interval, or empty.
    """

    name: str
    header: str
    text: Callable[[Any], str] = str
    numeric: bool = True
    low: str = ""
    high: str = ""

    def cell(self, row: Mapping[str, Any]) -> str:
        """The value as text, with its interval if it has one; a dash where it is missing."""
        return f"{self.value(row)} {self.interval(row)}".rstrip()

    def value(self, row: Mapping[str, Any]) -> str:
        """The value as text, or a dash where it is missing."""
        value = row[self.name]
        return MISSING if pd.isna(value) else self.text(value)

    def interval(self, row: Mapping[str, Any]) -> str:
        """The ends of the interval in brackets; empty without one."""
        if not self.low or pd.isna(row[self.low]):
            return ""
        return f"[{self.text(row[self.low])}, {self.text(row[self.high])}]"


RULES = Column("rules", "rules", numeric=False)
REUSE = Column("reuse_share", "reuse", lambda v: f"{v:.1%}")
TIMES = (
    REUSE,
    Column("denoise_s", "time s", lambda v: f"{v:.2f}"),
    Column("speedup", "speedup", lambda v: f"{v:.2f}x"),
)
REPLAYED = Column("replayed_share", "replayed", lambda v: f"{v:.0%}")
CACHE = Column("peak_cache_bytes", "cache MiB", lambda v: f"{v / 2**20:.4g}")


def metric_columns(
    metrics: Mapping[str, MetricFacts], intervals: bool, only: Sequence[str] = ()
) -> list[Column]:
    """One column per metric.

    Args:
        metrics: the metrics by column.
        intervals: whether cells show the interval.
        only: the metrics that are wanted; empty for all.
    """
    return [
        Column(
            name,
            f"{facts.short} {facts.arrow}".strip(),
            partial(_write, facts),
            low=f"{name}_low" if intervals else "",
            high=f"{name}_high" if intervals else "",
        )
        for name, facts in metrics.items()
        if not only or name in only
    ]


def _write(facts: MetricFacts, value: float) -> str:
    return facts.text(value)


def terminal_columns(
    swept: Sequence[str], numbers: Sequence[str], models: int, metrics: Mapping[str, MetricFacts]
) -> list[Column]:
    """The columns that fit a terminal; the arguments are those of `document_columns`."""
    keys = _keys(swept, numbers, models)
    return [*keys, RULES, *TIMES, *metric_columns(metrics, intervals=False, only=MAIN)]


def document_columns(
    swept: Sequence[str], numbers: Sequence[str], models: int, metrics: Mapping[str, MetricFacts]
) -> list[Column]:
    """The columns of tables in documents.

    Args:
        swept: columns of swept keys.
        numbers: those of them that hold numbers.
        models: number of different models; a model column appears only if there are several.
        metrics: the metrics by column; here the main ones are shown, and all in their own table.
    """
    last = Column("videos", "videos")
    status = Column("status", "status", numeric=False)
    keys = [Column("job", "job"), *_keys(swept, numbers, models)]
    main = metric_columns(metrics, intervals=True, only=MAIN)
    return [*keys, RULES, *TIMES, *main, REPLAYED, CACHE, last, status]


def _keys(swept: Sequence[str], numbers: Sequence[str], models: int) -> list[Column]:
    model = [Column("model", "model", numeric=False)] if models > 1 else []
    # A swept `model=` says the same once more.
    shown = [name for name in swept if not model or name != "model_override"]
    return [*model, *(Column(name, name, numeric=name in numbers) for name in shown)]
