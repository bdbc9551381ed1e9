"""Files that say which sites compute at which call.

JSON: a group's name to a text with a digit for every call, 1 = computes, 0 = reuses its last
output; or to a list of such texts, one for every block::

    {"spatial": "1010", "mlp_temporal": ["1111", "1001"]}

CSV: lines of `group,block,call,computes` below a header; an empty block means all blocks, and what
is not named computes, so that only reuse needs to be listed. The number of calls is that of a line
`calls,,N,` or else the largest call and one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pab_bench.errors import PabBenchError
from pab_bench.files.reading import read_json

Digits = Mapping[tuple[str, int | None], str]
"""By name of a group and block, None for all of its blocks, a digit for every call."""

MOST_BYTES = 16_000_000
_COLUMNS = ("group", "block", "call", "computes")


class MaskRefused(PabBenchError):
    """A file is no plan; the message says why, without naming it."""


def read_mask(path: Path) -> Digits:
    """Read a plan from a file.

    Raises:
        MaskRefused: if it cannot be read, or is none.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise MaskRefused(f"is larger than {MOST_BYTES} bytes")
        if path.suffix.lower() == ".json":
            digits = _of_json(read_json(path))
        elif path.suffix.lower() == ".csv":
            digits = _of_csv(path.read_text(encoding="utf-8-sig"))
        else:
            raise MaskRefused("must end in .json or .csv")
    except (OSError, ValueError) as error:
        raise MaskRefused(f"cannot be read: {error}") from error
    _check(digits)
    return digits


def _of_json(content: Any) -> dict[tuple[str, int | None], str]:
    if not isinstance(content, dict) or not content:
        raise MaskRefused('must map groups to digits, such as {"spatial": "1010"}')
    digits: dict[tuple[str, int | None], str] = {}
    for name, given in content.items():
        texts: dict[tuple[str, int | None], Any] = {(name, None): given}
        if isinstance(given, list):
            texts = {(name, block): own for block, own in enumerate(given)}
        if not texts or not all(isinstance(own, str) for own in texts.values()):
            raise MaskRefused(f"{name}: must be digits, such as '1010', or a list of them")
        digits |= texts
    return digits


def _of_csv(text: str) -> dict[tuple[str, int | None], str]:
    lines = csv.DictReader(io.StringIO(text))
    if tuple(lines.fieldnames or ()) != _COLUMNS:
        raise MaskRefused(f"must begin with the header {','.join(_COLUMNS)}")
    found: dict[tuple[str, int | None], dict[int, bool]] = {}
    calls = 0
    for number, line in enumerate(lines, start=2):
        try:
            call = int(line["call"])
            if line["group"] == "calls":
                calls = max(calls, call)
                continue
            place = line["group"], int(line["block"]) if line["block"] else None
            computes = {"0": False, "1": True}[line["computes"]]
            if call < 0 or (place[1] or 0) < 0 or not place[0]:
                raise ValueError
        except (TypeError, ValueError, KeyError):
            raise MaskRefused(f"line {number}: must be GROUP,BLOCK,CALL,0 or 1") from None
        own = found.setdefault(place, {})
        if own.setdefault(call, computes) != computes:
            raise MaskRefused(f"line {number}: contradicts an earlier line")
        calls = max(calls, call + 1)
    if not found:
        raise MaskRefused("names no site")
    return {
        place: "".join("01"[own.get(call, True)] for call in range(calls))
        for place, own in found.items()
    }


def _check(digits: Digits) -> None:
    calls = len(next(iter(digits.values())))
    for (name, block), own in digits.items():
        where = name if block is None else f"{name}, block {block}"
        if not own or set(own) - {"0", "1"}:
            raise MaskRefused(f"{where}: must be digits 0 and 1")
        if len(own) != calls:
            raise MaskRefused(f"{where}: has {len(own)} calls, others have {calls}")
        if own[0] == "0":
            raise MaskRefused(f"{where}: the first call must compute, there is nothing to reuse")
        if block is not None and (name, None) in digits:
            raise MaskRefused(f"{where}: is named beside all blocks of {name}")
