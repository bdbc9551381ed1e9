"""What an archive says of itself: its format, what made its points, and by which commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pab_bench.archive.names import POINTS, split
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.texts import check_texts

FORMAT = "pab_bench archive"
VERSION = 1
"""Of the format; another one is refused."""


@dataclass(frozen=True)
class Manifest:
    """The first file of an archive; nothing in it depends on when or where it was packed.

    Attributes:
        date: when the newest of the points was made, ISO 8601.
        machines: what they were made on: device, processor, operating system.
        versions: by package, the versions that they were made with.
        videos: whether their frames were packed.
        commands: by address of a point, the command lines that lead to it; a baseline has those of
            the points that are compared with it, too. Folders in them are shortened.
    """

    date: str
    machines: tuple[str, ...]
    versions: Mapping[str, tuple[str, ...]]
    videos: bool
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As the file has it."""
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: Any) -> Manifest:
        """Read what `to_bytes` wrote.

        Raises:
            ArchiveRefused: if it is another format, another version of it, or has other fields.
        """
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise ArchiveRefused(f"manifest.json: does not say that it is a {FORMAT}")
        if content.get("version") != VERSION:
            raise ArchiveRefused(
                f"manifest.json: format version {content.get('version')!r}; this version of "
                f"pab_bench reads {VERSION}"
            )
        values = {name: value for name, value in content.items() if name not in _SELF}
        if set(values) != {entry.name for entry in fields(cls)}:
            raise ArchiveRefused(f"manifest.json: has the fields {', '.join(sorted(values))}")
        fits = (
            isinstance(values["date"], str)
            and _is_texts(values["machines"])
            and isinstance(values["videos"], bool)
            and all(_is_lists(values[name]) for name in ("versions", "commands"))
            and all(split(f"{POINTS}/{key}/record.json") for key in values["commands"])
        )
        if not fits:
            raise ArchiveRefused("manifest.json: a field is of another kind")
        try:
            check_texts(content, "")
        except ValueError as error:
            raise ArchiveRefused(f"manifest.json: {error}") from error
        lists = {name: _tuples(values[name]) for name in ("versions", "commands")}
        return cls(**{**values, "machines": tuple(values["machines"]), **lists})


_SELF = ("format", "version")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_lists(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_texts, value.values()))


def _tuples(value: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(texts) for key, texts in value.items()}
