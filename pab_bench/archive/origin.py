"""Where points come from that were not made here: a field of their provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pab_bench.archive.reading import Archive
from pab_bench.archive.texts import printable
from pab_bench.store.records import ARCHIVES, Record


def with_origin(record: Record, archive: Archive) -> Record:
    """Add an archive to those that a record came through.

    Its entry has the `archive`'s file name, `sha256`, the `date` of its newest point, the `machine`
    that this point was made on, and when it was `unpacked`, UTC.
    """
    entry = {
        "archive": printable(archive.path.name),
        "sha256": archive.digest,
        "date": archive.manifest.date,
        "machine": machine_of(record.provenance),
        "unpacked": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return replace(record, provenance={**record.provenance, ARCHIVES: [*record.archives, entry]})


def machine_of(provenance: Mapping[str, Any]) -> str:
    """Name the machine that made something: device, processor, operating system.

    >>> machine_of({"device": "cpu", "cpu": "AMD EPYC", "platform": "Linux-6"})
    'cpu, AMD EPYC, Linux-6'
    """
    parts = (provenance.get(name) for name in ("device", "cpu", "platform"))
    return ", ".join(str(part) for part in parts if part)
