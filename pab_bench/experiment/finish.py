"""What happens after the last job: summary, tables and figures from what is on disk."""

from __future__ import annotations

import json
import logging
from pathlib import Path

_log = logging.getLogger(__name__)


def finish_sweep(directory: Path) -> int:
    """Analyse a sweep's folder (or a single run's) and say where everything lies.

    A failure of the analysis is reported and hides nothing: the points are on disk, and
    `python -m analysis DIRECTORY` tries again.

    Returns:
        0 if every job that left a `point.json` is ok, otherwise 1.
    """
    pointers = [directory / "point.json", *directory.glob("*/point.json")]
    statuses = [json.loads(p.read_text())["status"] for p in pointers if p.exists()]
    if not statuses:
        return 0
    # Deferred: pandas and matplotlib take seconds to import.
    from analysis.build import build
    from analysis.terminal import console

    try:
        build(directory, console())
    except Exception:  # Whatever goes wrong with a figure, the results stand.
        _log.exception("the analysis of %s failed; `python -m analysis` makes it again", directory)
    return int(any(status != "ok" for status in statuses))
