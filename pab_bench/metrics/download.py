"""Fetches a file of weights, unless the environment forbids it."""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import tempfile
import urllib.request
from functools import lru_cache
from pathlib import Path

from pab_bench.errors import MetricUnavailable
from pab_bench.imports.offline import SILENCE_S, offline_setting
from pab_bench.metrics.weight_files import WeightFile

_log = logging.getLogger(__name__)


def fetch(metric: str, file: WeightFile) -> Path:
    """Fetch a file into the cache that it belongs to, and return its place.

    Args:
        metric: who needs it, for the message.
        file: which file.

    Raises:
        MetricUnavailable: if downloads are forbidden or the file cannot be fetched; it says why,
            and where the file belongs. After a failure nothing is tried again in this process.
    """
    place = file.places(None)[0]
    forbidden = offline_setting()
    reason = f"{forbidden} forbids downloads" if forbidden else _why_not_fetched(file.origin, place)
    if reason is not None:
        raise MetricUnavailable(
            f"{metric}: missing weights: {place} (from {file.origin}: {reason}; bring the file "
            "there, or into the folder metrics.weights)"
        )
    return place


@lru_cache(maxsize=8)
def _why_not_fetched(origin: str, place: Path) -> str | None:
    """Fetch a file; None when it is there, else why it is not. Tried once in a process."""
    temporary = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _log.info("fetching %s", origin)
        with urllib.request.urlopen(origin, timeout=SILENCE_S) as answer:
            descriptor, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
            with os.fdopen(descriptor, "wb") as opened:
                shutil.copyfileobj(answer, opened, 2**20)
            if answer.length:
                raise OSError(f"it ended {answer.length} bytes too early")
        Path(temporary).chmod(0o644)
        os.replace(temporary, place)
    except (OSError, http.client.HTTPException) as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        return f"it cannot be reached: {error}"
    return None
