"""Reads JSON of checkpoints, of bounded size and depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LARGEST = 4_000_000
"""Bytes of a file that describes networks; a tokenizer has its words besides."""
LARGEST_OF = {"tokenizer.json": 25_000_000, "vocab.json": 25_000_000}


def read_json(file: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if not file.exists():
        raise ValueError("is not there")
    if not file.is_file():
        raise ValueError("is not a file")
    largest = LARGEST_OF.get(file.name, LARGEST)
    if (size := file.stat().st_size) > largest:
        raise ValueError(f"has {size:,} bytes: more than {largest:,} cannot be meant")
    try:
        text = file.read_text(encoding="utf-8")
        if not text.strip():
            raise ValueError("is empty")
        return json.loads(text, parse_constant=_refuse_constant)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("is no JSON: it is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def read_object(file: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        ValueError: saying what is wrong with it.
    """
    content = read_json(file)
    if not isinstance(content, dict):
        raise ValueError(f"must hold an object {{...}}, not a {type(content).__name__}")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"is no JSON: {name} is not a number")
