"""Which columns a printed summary has, and how their values are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

MISSING = "\N{EN DASH}"


@dataclass(frozen=True)
class Column:
    """One printed column.

    Attributes:
        name: the column of the summary.
        header: its heading.
        text: how a value that is there is written.
        numeric: whether it is aligned to the right.
        metric: whether the heading shows the direction of the metric.
    """

    name: str
    header: str
    text: Callable[[Any], str] = str
    numeric: bool = True
    metric: bool = False

    def cell(self, value: Any) -> str:
        """The value as text, or a dash where it is missing."""
        return MISSING if pd.isna(value) else self.text(value)


RULES = Column("rules", "rules", numeric=False)
MEASURED = (
    Column("reuse_share", "reuse", lambda v: f"{v:.1%}"),
    Column("denoise_s", "time s", lambda v: f"{v:.2f}"),
    Column("speedup", "speedup", lambda v: f"{v:.2f}x"),
    Column("psnr_db", "PSNR dB", lambda v: f"{v:.2f}", metric=True),
    Column("ssim", "SSIM", lambda v: f"{v:.4f}", metric=True),
    Column("lpips", "LPIPS", lambda v: f"{v:.4f}", metric=True),
    Column("temporal_flickering", "flicker", lambda v: f"{v:.4f}", metric=True),
)


def terminal_columns(swept: Sequence[str], numbers: Sequence[str], models: int) -> list[Column]:
    """The columns that fit a terminal; the arguments are those of `document_columns`."""
    return [*_keys(swept, numbers, models), RULES, *MEASURED]


def document_columns(swept: Sequence[str], numbers: Sequence[str], models: int) -> list[Column]:
    """The columns of tables in documents.

    Args:
        swept: columns of swept keys.
        numbers: those of them that hold numbers.
        models: number of different models; a model column appears only if there are several.
    """
    last = Column("videos", "videos")
    status = Column("status", "status", numeric=False)
    return [Column("job", "job"), *_keys(swept, numbers, models), RULES, *MEASURED, last, status]


def _keys(swept: Sequence[str], numbers: Sequence[str], models: int) -> list[Column]:
    model = [Column("model", "model", numeric=False)] if models > 1 else []
    return [*model, *(Column(name, name, numeric=name in numbers) for name in swept)]


def header(column: Column, directions: Mapping[str, bool | None], up: str, down: str) -> str:
    """The heading, with an arrow towards better values where the metric has a direction."""
    better = directions.get(column.name) if column.metric else None
    return column.header if better is None else f"{column.header} {up if better else down}"
