"""What was already sent, so that a resumed sweep continues a run and repeats nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from pab_bench.files import write_json


@dataclass(frozen=True)
class Sent:
    """What is known of one point.

    Attributes:
        digest: of the record that was sent; empty if none was.
        groups: the sweeps that it was sent for, the first one first.
    """

    digest: str = ""
    groups: tuple[str, ...] = ()
    _path: Path = field(default_factory=Path)

    def with_group(self, group: str) -> Sent:
        """The same with one more sweep, if it is a new one."""
        return self if group in self.groups else replace(self, groups=(*self.groups, group))

    def remember(self, digest: str) -> None:
        """Keep that a record of this digest is sent for these sweeps."""
        write_json(self._path, {"digest": digest, "groups": list(self.groups)})


@contextmanager
def sent(directory: Path, identifier: str) -> Iterator[Sent]:
    """What was sent of a point; other processes that want to send it wait meanwhile.

    A file that cannot be read counts as nothing sent: sending twice is harmless.
    """
    path = directory / "sent" / f"{identifier}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        try:
            content = json.loads(path.read_text())
            found = Sent(str(content["digest"]), tuple(content["groups"]), path)
        except (OSError, ValueError, KeyError, TypeError):
            found = Sent(_path=path)
        yield found


def digest_of(folder: Path) -> str:
    """The digest of a point's record."""
    return hashlib.sha256((folder / "record.json").read_bytes()).hexdigest()
