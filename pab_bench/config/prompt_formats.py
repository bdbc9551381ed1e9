"""The forms in which lists of prompts are published, each a function from text to prompts."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAMES = ("prompt", "prompt_en", "text", "caption", "prompts")
"""What the column or the key of the prompts is called; the first one that is there counts."""
SEEDS = ("seed", "seeds")
IMAGE = "image"
"""What the column or the key of pictures is called."""
_VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif")
_DELIMITERS = {".csv": ",;\t", ".tsv": "\t"}


class NotPrompts(Exception):
    """The text is no list of prompts of its form; the message says where and why."""


@dataclass
class Listed:
    """What a file lists.

    Attributes:
        prompts: as they are written, with their places, such as `line 3`.
        notices: what was left out, for the user to know.
        images: by place the file of the prompt's picture, as it is written; none without a column
            of pictures.
        may_repeat: whether one prompt may stand for several videos, as in VBench's own files.
    """

    prompts: list[tuple[str, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    may_repeat: bool = False


def plain(text: str) -> Listed:
    r"""A prompt a line; `# ...` is a comment, and `\# ...` a prompt that begins with `#`."""
    listed, comments = Listed(), 0
    for number, line in enumerate(_lines(text), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comments += 1
        elif stripped:
            prompt = stripped[1:] if stripped.startswith("\\#") else stripped
            listed.prompts.append((f"line {number}", prompt))
    if comments:
        lines = "line is a comment" if comments == 1 else "lines are comments"
        listed.notices.append(f"{comments} {lines}; a prompt that begins with # is written \\#")
    return listed


def table(text: str, suffix: str) -> Listed:
    """A table with a header that names a column of `NAMES`, or with a single column.

    Raises:
        NotPrompts: if there is no such column, a row does not fit, or seeds stand beside prompts.
    """
    rows, names = _rows(text, _DELIMITERS[suffix])
    listed = Listed()
    column = next((names.index(name) for name in NAMES if name in names), None)
    if column is None:
        if any(len(cells) > 1 for _, cells in rows):
            raise NotPrompts(f"has no column {NAMES[0]!r}; its first row must name the columns")
        column = 0
        if rows:
            listed.notices.append(f"no column is named {NAMES[0]!r}: every row is a prompt")
    else:
        _refuse_seeds(names)
        width = len(names)
        rows = rows[1:]
        for place, cells in rows:
            if len(cells) > width:
                raise NotPrompts(
                    f"{place} has {len(cells)} cells, the header {width}: a prompt with a "
                    f'separator stands in "quotes"'
                )
            if len(cells) <= column:
                raise NotPrompts(f"{place} has no prompt")
        _say_unread([name for n, name in enumerate(names) if n != column and name != IMAGE], listed)
        if IMAGE in names:
            picture = names.index(IMAGE)
            listed.images = {
                place: cells[picture].strip() if len(cells) > picture else ""
                for place, cells in rows
            }
    for place, cells in rows:
        prompt = cells[column].strip()
        if not prompt and any(cell.strip() for cell in cells):
            raise NotPrompts(f"{place} has no prompt")
        listed.prompts.append((place, prompt))
    return listed


def document(text: str) -> Listed:
    """JSON: a list of texts or of objects with a key of `NAMES`, or VBench's file name -> prompt.

    Raises:
        NotPrompts: if it is no JSON, or another one.
    """
    content = _json(text, "")
    if isinstance(content, Mapping):
        if not content or not all(str(key).lower().endswith(_VIDEOS) for key in content):
            raise NotPrompts(f"must be {_FORMS}")
        entries = [(f"entry {str(key)[:40]!r}", value) for key, value in content.items()]
        listed = _listed(entries, keyed=False)
        listed.may_repeat = True
        return listed
    if not isinstance(content, list):
        raise NotPrompts(f"must be {_FORMS}")
    return _listed([(f"entry {number}", entry) for number, entry in enumerate(content, start=1)])


def lines_of_json(text: str) -> Listed:
    """JSON, a text or an object with a key of `NAMES` a line.

    Raises:
        NotPrompts: if a line is no JSON, or another one.
    """
    return _listed(
        [
            (f"line {number}", _json(line, f"line {number} "))
            for number, line in enumerate(_lines(text), start=1)
            if line.strip()
        ]
    )


READERS: Mapping[str, Callable[[str], Listed]] = {
    ".txt": plain,
    ".text": plain,
    "": plain,
    ".csv": lambda text: table(text, ".csv"),
    ".tsv": lambda text: table(text, ".tsv"),
    ".json": document,
    ".jsonl": lines_of_json,
    ".ndjson": lines_of_json,
}
"""Reader by the file's suffix."""

_FORMS = (
    "a list of texts, a list of objects with a key 'prompt', or an object that gives names of "
    "videos their prompts"
)


def _lines(text: str) -> list[str]:
    # Only line ends: a form feed or a Unicode separator within a prompt is part of it. Files that
    # were put together have a byte order mark in the middle, too.
    return [line.removeprefix("\ufeff") for line in re.split(r"\r\n|\n|\r", text)]


def _rows(text: str, delimiters: str) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """The rows that are not empty with their places, and the names of the columns."""
    found: list[tuple[list[tuple[str, list[str]]], list[str]]] = []
    for delimiter in delimiters:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            rows = [(f"line {reader.line_num}", cells) for cells in reader if any(cells)]
        except csv.Error as error:
            if found:
                continue
            raise NotPrompts(f"line {reader.line_num}: {error}") from error
        names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
        found.append((rows, names))
        if any(name in names for name in NAMES):
            return found[-1]
    return found[0]


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise NotPrompts(f"{place}is nested too deeply for a list of prompts") from error
    except json.JSONDecodeError as error:
        where = place or f"line {error.lineno} "
        raise NotPrompts(f"{where}is no JSON: {error.msg}") from error
    except ValueError as error:  # A number of too many digits, or a key twice.
        raise NotPrompts(f"{place}cannot be read: {str(error)[:100]}") from error


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands twice in one object")
    return content


def _listed(entries: Iterable[tuple[str, Any]], keyed: bool = True) -> Listed:
    """Prompts that are texts, or with `keyed` objects that have one."""
    listed, unread = Listed(), dict[str, None]()
    for place, entry in entries:
        prompt = entry
        if keyed and isinstance(entry, Mapping):
            _refuse_seeds(list(entry))
            name = next((name for name in NAMES if name in entry), None)
            if name is None:
                raise NotPrompts(f"{place} has no key {NAMES[0]!r}")
            prompt = entry[name]
            unread |= dict.fromkeys(key for key in entry if key not in (name, IMAGE))
            if IMAGE in entry:
                listed.images[place] = _image(place, entry[IMAGE])
            # VBench lists a prompt again for every dimension that it serves.
            listed.may_repeat |= name == "prompt_en"
        if not isinstance(prompt, str):
            raise NotPrompts(f"{place} is no text")
        listed.prompts.append((place, prompt.strip()))
    if listed.images:
        listed.images = {place: listed.images.get(place, "") for place, _ in listed.prompts}
    _say_unread(unread, listed)
    return listed


def _image(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise NotPrompts(f"{place}: image must be a text, the path of a file")
    return value.strip()


def _refuse_seeds(names: Sequence[str]) -> None:
    seeds = next((name for name in SEEDS if name in names), None)
    if seeds is not None:
        raise NotPrompts(
            f"has seeds beside its prompts ({seeds!r}): every prompt is sampled with every seed of "
            "seeds=[0,1]; remove them"
        )


def _say_unread(names: Iterable[str], listed: Listed) -> None:
    shown = list(_short(names))
    if shown:
        listed.notices.append(f"not read: {', '.join(shown)}")


def _short(names: Iterable[str]) -> Iterator[str]:
    """Names for a message: the first few, none of them long."""
    for number, name in enumerate(name or "(no name)" for name in names):
        if number == 8:
            yield "..."
            return
        yield name if len(name) <= 30 else f"{name[:30]}..."
