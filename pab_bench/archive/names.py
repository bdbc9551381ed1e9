"""The names that files of an archive have; there are no others."""

from __future__ import annotations

import re

from pab_bench.archive.refused import ArchiveRefused
from pab_bench.files import NAME as _SUMS

MANIFEST = "manifest.json"
SUMS = _SUMS
MOST_FILES = 400_000
"""Of an archive, without the two that say what is in it."""
POINTS, TIMINGS = "points", "timings"
TABLES = ("plan", "steps", "curves", "metrics", "communication")
MAPS = "attention_maps.safetensors"
_IDENTIFIER = "[0-9a-f]{20}"
_VIDEO = r"videos/\d{3,9}-\d{1,19}\.(safetensors|mp4)"
_OF_A_POINT = re.compile(
    rf"record\.json|{SUMS}|({'|'.join(TABLES)})\.parquet|{re.escape(MAPS)}|{_VIDEO}"
)
_POINT = re.compile(rf"{POINTS}/({_IDENTIFIER})/(.+)")
_TIMINGS = re.compile(rf"{TIMINGS}/{_IDENTIFIER}\.json")


def split(name: str) -> tuple[str, str] | None:
    """The point and the file within it that a name stands for; None for files of no point.

    >>> split("points/0123456789abcdef0123/videos/000-1.mp4")
    ('0123456789abcdef0123', 'videos/000-1.mp4')
    """
    found = _POINT.fullmatch(name)
    return None if found is None else (found[1], found[2])


def is_of_a_point(name: str) -> bool:
    """Whether a point has files of that name."""
    return _OF_A_POINT.fullmatch(name) is not None


def is_large(name: str) -> bool:
    """Whether a file of a point travels only if videos do."""
    return name.startswith("videos/") or name == MAPS


def check_name(name: str) -> None:
    """Refuse a name that no file of an archive has, whatever it may be good for.

    Raises:
        ArchiveRefused: saying what is wrong with it.
    """
    inner = split(name)
    known = name in (MANIFEST, SUMS) or _TIMINGS.fullmatch(name) is not None
    if known or (inner is not None and is_of_a_point(inner[1])):
        return
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        reason = "is an absolute path"
    elif ".." in re.split(r"[/\\]", name):
        reason = "leads out of its folder"
    else:
        reason = "is no name of a file in an archive"
    raise ArchiveRefused(f"{name!r} {reason}")
