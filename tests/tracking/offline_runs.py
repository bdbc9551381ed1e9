"""Reads back what an offline run wrote: LevelDB's log format behind a header of 7 bytes."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768


def entries(folder: Path) -> Iterator[Any]:
    """The protocol messages of a run's folder."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("*.wandb")
    content = path.read_bytes()
    position, data = 7, b""
    while position + 7 <= len(content):
        if BLOCK - position % BLOCK < 7:  # Too short for a header: the block is padded.
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        if kind == 0:
            break
        data += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # A whole record, or the last part of one.
            entry = wandb_internal_pb2.Record()
            entry.ParseFromString(data)
            yield entry
            data = b""


class OfflineRun:
    """One run: what it is and what was sent; `logged` has all names in its history."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.config: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.logged: set[str] = set()
        for entry in entries(folder):
            if entry.HasField("run"):
                self.run = entry.run
                self.config |= {i.key: json.loads(i.value_json) for i in entry.run.config.update}
            if entry.HasField("config"):
                self.config |= {i.key: json.loads(i.value_json) for i in entry.config.update}
            if entry.HasField("summary"):
                self.summary |= {name(i): json.loads(i.value_json) for i in entry.summary.update}
            if entry.HasField("history"):
                items = entry.history.item
                self.history.append({name(i): json.loads(i.value_json) for i in items})
                self.logged |= {i.key or i.nested_key[0] for i in items}
            if entry.HasField("exit"):
                self.exit_code = entry.exit.exit_code


def name(item: Any) -> str:
    """The key of an item, nested ones joined by dots."""
    return item.key or ".".join(item.nested_key)


def runs_in(directory: Path) -> list[OfflineRun]:
    """All offline runs below a folder, in the order in which they were started."""
    runs = [_complete(folder) for folder in (directory / "wandb").glob("offline-run-*")]
    # Folders are named by the second, in which several can start.
    return sorted(runs, key=lambda run: run.run.start_time.ToNanoseconds())


def _complete(folder: Path) -> OfflineRun:
    """A run whose end is written: wandb's own process does that shortly after `finish`."""
    for _ in range(100):
        run = OfflineRun(folder)
        if run.exit_code is not None:
            return run
        time.sleep(0.1)
    raise TimeoutError(f"{folder}: no end was written")
