"""Reads JSON that anybody may have changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn


def read_json(path: Path) -> Any:
    """Read a JSON file, as UTF-8.

    Raises:
        OSError: if it is not there, or cannot be read.
        ValueError: saying why it is no JSON; also for NaN and infinity, and for lists in lists
            that are nested deeper than Python can follow.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
