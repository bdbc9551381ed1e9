"""Archives made by hand: consistent ones with other contents, and ones that only look like it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pab_bench.archive.blocks import END, header, padding
from pab_bench.archive.names import MANIFEST, SUMS
from pab_bench.files import digests_text
from pab_bench.store.points import point_id

FIXTURE = Path(__file__).parents[1] / "fixtures" / "store"
BASELINE = "1c3f31ae4c19f73a9e36"
VARIANT = "ba94c251fa5df3d61216"
RECORD = f"points/{VARIANT}/record.json"


def entries_of(path: Path) -> dict[str, bytes]:
    """All files of an archive, in order."""
    with tarfile.open(path) as file:
        return {entry.name: file.extractfile(entry).read() for entry in file.getmembers()}


def assemble(entries: Mapping[str, bytes]) -> bytes:
    """An archive's bytes with exactly these files in exactly this order."""
    parts = [
        header(name, len(content)) + content + bytes(padding(len(content)))
        for name, content in entries.items()
    ]
    return b"".join(parts) + END


def sealed(entries: Mapping[str, bytes]) -> bytes:
    """The same in order and with right checksums, of the archive and of every point."""
    own = {name: content for name, content in entries.items() if name != SUMS}
    for place in {name.rpartition("/")[0] for name in own if name.endswith("/record.json")}:
        sums = f"{place}/{SUMS}"
        if sums in own:
            lines = [line.partition("  ")[::2] for line in own[sums].decode().splitlines()]
            known = {name: digest for digest, name in lines}
            new = {n: own.get(f"{place}/{n}") for n in known}
            own[sums] = digests_text(
                {n: known[n] if c is None else _digest(c) for n, c in new.items()}
            ).encode()
    first = {MANIFEST: own.pop(MANIFEST)}
    others = dict(sorted(own.items()))
    return assemble({**first, SUMS: archive_sums({**first, **others}), **others})


def archive_sums(entries: Mapping[str, bytes]) -> bytes:
    """The archive's own checksums of its files."""
    digests = {name: _digest(content) for name, content in entries.items() if name != SUMS}
    return digests_text(digests).encode()


def changed(path: Path, changes: Mapping[str, bytes | None]) -> bytes:
    """A consistent archive with other files; None leaves one out."""
    entries: dict[str, bytes | None] = {**entries_of(path), **changes}
    return sealed({name: content for name, content in entries.items() if content is not None})


def with_record(path: Path, change: Callable[[dict[str, Any]], object], text: str = "") -> bytes:
    """A consistent archive in which the variant's record was changed, its address included.

    Args:
        path: the archive.
        change: changes the record in place.
        text: in place of `"REPLACED"` in the JSON, for what JSON cannot say.
    """
    entries = entries_of(path)
    record = json.loads(entries[RECORD])
    change(record)
    content = json.dumps(record).replace('"REPLACED"', text or '"REPLACED"').encode()
    return changed(path, {RECORD: content})


def readdressed(path: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    """A consistent archive whose variant has another configuration and the address of that."""
    entries = entries_of(path)
    record = json.loads(entries[RECORD])
    change(record["config"])
    record["id"] = point_id(record["config"])
    moved: dict[str, bytes] = {}
    for name, content in entries.items():
        moved[name.replace(VARIANT, record["id"])] = content
    moved[RECORD.replace(VARIANT, record["id"])] = json.dumps(record).encode()
    return sealed(moved)


def tar_with(**attributes: Any) -> bytes:
    """A tar file by Python's own writer, with one odd entry."""
    content = attributes.pop("content", b"x")
    style = attributes.pop("format", tarfile.USTAR_FORMAT)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=style) as archive:
        entry = tarfile.TarInfo(attributes.pop("name", MANIFEST))
        entry.size = len(content)
        for name, value in attributes.items():
            setattr(entry, name, value)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
