"""Tables as CSV that spreadsheets show and do not evaluate."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

_BEGINS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What makes a spreadsheet take a cell for a formula, and the mark that keeps it from it."""


def csv_text(frame: pd.DataFrame) -> str:
    """The frame as CSV, with the same line ends on every system.

    A text that a spreadsheet would evaluate has a `'` before it, as is usual, and so has one that
    begins with `'` itself: `original` takes them away. Numbers stay as they are.
    """
    text: str = _changed(frame, _guarded).to_csv(index=False, lineterminator="\n")
    return text


def original(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame that `csv_text` was given, from one that pandas has read."""
    return _changed(frame, _plain)


def _changed(frame: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    texts = frame.select_dtypes(["object", "string"]).columns
    return frame.assign(**{column: frame[column].map(change) for column in texts})


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _evaluates(cell) else cell


def _plain(cell: object) -> object:
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") else cell


def _evaluates(text: str) -> bool:
    if not text.startswith(_BEGINS):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False
