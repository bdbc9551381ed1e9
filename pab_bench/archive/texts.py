"""Refuses texts of strangers that a terminal would obey."""

from __future__ import annotations

import unicodedata
from typing import Any

_ALLOWED = "\n\t"
_OBEYED = ("Cc", "Cs")
"""Control characters, and halves of characters, which no file can hold."""


def printable(text: str) -> str:
    r"""Replace what a terminal would obey.

    >>> printable("red \x1b[31m")
    'red ?[31m'
    """
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def check_texts(content: Any, place: str) -> None:
    """Look at every text in plain data.

    Args:
        content: what a JSON file says.
        place: where it is from, for the message.

    Raises:
        ValueError: naming the first text with a control character.
    """
    if isinstance(content, str):
        found = [c for c in content if c not in _ALLOWED and unicodedata.category(c) in _OBEYED]
        if found:
            raise ValueError(f"{place}: has the control character {found[0]!r}")
    elif isinstance(content, dict):
        for key, value in content.items():
            check_texts(key, place)
            check_texts(value, f"{place}.{key}" if place else key)
    elif isinstance(content, list):
        for value in content:
            check_texts(value, place)
