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
        mark: the column that says what is wrong with a value, which is then marked; or empty.
    """

    name: str
    header: str
    text: Callable[[Any], str] = str
    numeric: bool = True
    low: str = ""
    high: str = ""
    mark: str = ""

    def cell(self, row: Mapping[str, Any]) -> str:
        """The value as text, with its interval if it has one; a dash where it is missing."""
        return " ".join(self.parts(row))

    def parts(self, row: Mapping[str, Any]) -> list[str]:
        """The value as text and, if it has one, its interval."""
        return list(filter(None, [self.value(row), self.interval(row)]))

    def value(self, row: Mapping[str, Any]) -> str:
        """The value as text, or a dash where it is missing."""
        value = row[self.name]
        if pd.isna(value):
            return MISSING
        return self.text(value) + (MARK if self.mark and not pd.isna(row[self.mark]) else "")

    def interval(self, row: Mapping[str, Any]) -> str:
        """The ends of the interval in brackets; empty without one."""
        if not self.low or pd.isna(row[self.low]):
            return ""
        return f"[{self.text(row[self.low])}, {self.text(row[self.high])}]"


MARK = " !"
"""Behind a value that cannot be true; the notes say why."""


RULES = Column("rules", "rules", numeric=False)
REUSE = Column("reuse_share", "reuse", lambda v: f"{v:.1%}")
SPEED = (
    Column(
        "speedup",
        "speedup [95 %]",
        lambda v: f"{v:.3f}",
        low="speedup_low",
        high="speedup_high",
        mark="speed_fault",
    ),
    Column("bound", "bound", lambda v: f"{v:.3f}"),
    Column("efficiency", "efficiency", lambda v: f"{v:.1%}"),
)


def _seconds(value: float) -> str:
    """Three digits, without an exponent for what takes long.

    >>> _seconds(0.00912), _seconds(3.73), _seconds(1234.5)
    ('0.00912', '3.73', '1234')
    """
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


STAGES = (
    Column("encode_s", "text s", _seconds),
    Column("denoise_s", "denoise s", _seconds),
    Column("decode_s", "decode s", _seconds),
)
"""A generation is their sum, with the text encoded once for each prompt."""
VIDEOS = Column(
    "videos_speedup",
    "videos in turns [95 %]",
    lambda v: f"{v:.3f}",
    low="videos_speedup_low",
    high="videos_speedup_high",
)
REPLAYED = Column("replayed_share", "replayed", lambda v: f"{v:.0%}")
ORIGIN = Column("origin", "from", numeric=False)
AUDIT = Column("audit", "audit", numeric=False)
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
    main = metric_columns(metrics, intervals=False, only=MAIN)
    return [*keys, RULES, REUSE, *SPEED, *main]


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
    return [
        *keys,
        RULES,
        REUSE,
        *STAGES,
        *SPEED,
        VIDEOS,
        *main,
        REPLAYED,
        CACHE,
        last,
        ORIGIN,
        AUDIT,
        status,
    ]


def _keys(swept: Sequence[str], numbers: Sequence[str], models: int) -> list[Column]:
    model = [Column("model", "model", numeric=False)] if models > 1 else []
    # A swept `model=` says the same once more.
    shown = [name for name in swept if not model or name != "model_override"]
    return [*model, *(Column(name, name, numeric=name in numbers) for name in shown)]
