"""Reads JSON that anybody may have changed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

_SHOWN = 20
_MOST_DIGITS = 300
"""Of a whole number; with a few more it is too large to be one with a fraction."""


def read_json(path: Path) -> Any:
    """Read a JSON file, as UTF-8.

    Raises:
        OSError: if it is not there, or cannot be read.
        ValueError: as `parse_json`.
    """
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> Any:
    """Read JSON.

    Raises:
        ValueError: saying why it is no JSON; also for NaN and infinity, for numbers too large to be
            told from it, and for lists in lists that are nested deeper than Python can follow.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:_SHOWN]} is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{text[:_SHOWN]}... is too large")
    return int(text)
