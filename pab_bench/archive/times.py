"""Whether timings from elsewhere are some that speeds can be made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pab_bench.archive.names import TIMINGS
from pab_bench.archive.texts import check_texts
from pab_bench.files import read_sealed_json
from pab_bench.timings.store import Timings, timings_path
from pab_bench.timings.videos import videos_speedup


def check_timings(path: Path) -> Timings:
    """Read a file of timings, and make of it everything that is ever made of one.

    Raises:
        ValueError: if it is not what was written, lies under another name, or no speed follows.
    """
    content: Any = read_sealed_json(path)
    check_texts(content, "")
    found = Timings.from_json(content)
    if timings_path(Path(), found.key) != Path(TIMINGS, path.name):
        raise ValueError("it has the name of another key")
    try:
        for name in found.plans:
            found.speed(name)
            videos_speedup(name, found.videos)
    except Exception as error:  # Whatever arithmetic does with what is no number.
        raise ValueError(f"no speed follows: {type(error).__name__}: {error}") from error
    return found
