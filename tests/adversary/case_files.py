"""The cases as they stand in `bad/` and `good/`: YAML, a file for each kind of input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One command line in its surroundings, and what it must be answered with.

    Attributes:
        kind: the file that it stands in.
        name: its own, unique within the kind.
        program: the module that is run.
        arguments: of the command.
        environment: variables; None = not set.
        files: what lies in the working folder, by relative path, as `surroundings` reads it.
        status: the exit status.
        says: texts of which each must be shown.
        makes: files that must be there afterwards.
        fresh: in an interpreter of its own, for what is read when one starts.
        output: where standard output and error go: `kept`, `closed`, `broken` (nobody reads) or
            `full` (a full disk).
        obeys_modes: whether even who may do everything cannot write where modes forbid it.
        uid: number of the user who has started the command, where it is not who runs it: one
            without a name has no home folder, either.
        limit_s: seconds until it hangs.
        bad: whether it must be refused, with nothing written.
    """

    kind: str
    name: str
    program: str = "pab_bench"
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    status: int = 2
    says: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    fresh: bool = False
    output: str = "kept"
    obeys_modes: bool = False
    uid: int | None = None
    limit_s: float = 20.0
    bad: bool = True

    def __str__(self) -> str:
        """The name by which pytest shows it."""
        return f"{self.kind}: {self.name}"


def cases(folder: str) -> list[Case]:
    """All cases of `bad` or `good`.

    Raises:
        ValueError: if two have one name, or a bad one says nothing.
    """
    found = [case for path in sorted((HERE / folder).glob("*.yaml")) for case in _of(path)]
    names = list(map(str, found))
    repeated = {name for name in names if names.count(name) > 1}
    silent = {str(case) for case in found if case.bad and case.output == "kept" and not case.says}
    if repeated or silent:
        raise ValueError(f"names that are there twice: {repeated}; cases without text: {silent}")
    return found


def _of(path: Path) -> Iterator[Case]:
    """A file is a list; an entry with `each` or `rows` stands for one case per combination."""
    good = path.parent.name == "good"
    usual: dict[str, Any] = {"status": 0, "bad": False, "limit_s": 60.0} if good else {}
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        each = entry.pop("each", {})
        rows = entry.pop("rows", [{}])
        for values in product(*each.values()):
            for row in rows:
                words = {**dict(zip(each, values, strict=True)), **row}
                made = _filled(entry, words)
                told = " ".join(f"{word}={value!r}"[:60] for word, value in words.items())
                made["name"] = f"{made['name']} {told}".strip()
                texts = ("arguments", "says", "makes")
                listed = {key: tuple(map(_text, made.pop(key))) for key in texts if key in made}
                yield Case(**{**usual, "kind": path.stem, **made, **listed})


def _text(given: Any) -> str:
    """A text, or one that is too long to write down: `before`, `repeat` `times`, `after`."""
    if isinstance(given, str):
        return given
    middle = str(given["repeat"]) * int(given["times"])
    return f"{given.get('before', '')}{middle}{given.get('after', '')}"


def _filled(content: Any, words: Mapping[str, str]) -> Any:
    """The content with `{word}` replaced in every text."""
    if isinstance(content, str):
        for word, value in words.items():
            content = content.replace(f"{{{word}}}", str(value))
        return content
    if isinstance(content, dict):
        return {_filled(key, words): _filled(value, words) for key, value in content.items()}
    return [_filled(value, words) for value in content] if isinstance(content, list) else content
