"""Lets a link of two numbers be written on the command line as it is meant."""

from __future__ import annotations

import re

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_PAIR = re.compile(rf"\+{{0,2}}scaling\.(link|between)={_NUMBER},{_NUMBER}")


def quoted_link(argument: str) -> str:
    """Quote `ALPHA,BETA` of a link, which would be a grid; other arguments stay as they are.

    A grid of plain numbers cannot be meant: none of them is a link.

    Example:
        >>> quoted_link("scaling.link=20,350")
        "scaling.link='20,350'"
    """
    if not _PAIR.fullmatch(argument):
        return argument
    key, _, value = argument.partition("=")
    return f"{key}={value!r}"
