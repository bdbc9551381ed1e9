"""Reads prompts from a text file, one a line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pab_bench.problems import Problems

_SHOWN = 60
"""Characters of a prompt that a message shows."""


def prompt_texts(
    prompts: Mapping[str, Any], overrides: Sequence[str], problems: Problems
) -> list[str]:
    """The prompts: those of `prompts.file` if there is one, otherwise `prompts.texts`.

    Args:
        prompts: what the configuration says.
        overrides: the command line's `key=value`.
        problems: receives a file that cannot be read, and texts beside a file.
    """
    texts: list[str] = prompts["texts"]
    if prompts["file"] is None:
        return texts
    path = Path(prompts["file"])
    if any(override.startswith("prompts.texts=") for override in overrides):
        problems.add("prompts.file", path, "contradicts prompts.texts; remove one of them")
    try:
        # Editors of some systems begin a file with a mark that is no part of the text.
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.add("prompts.file", path, f"cannot be read: {error.strerror or error}")
        return texts
    except UnicodeDecodeError:
        problems.add("prompts.file", path, "is no text in UTF-8")
        return texts
    # Only line ends: a form feed or a Unicode separator within a prompt is part of it.
    lines = [line.strip() for line in re.split(r"\r\n|\n|\r", text)]
    numbers: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if line in numbers:
            shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
            earlier = numbers[line]
            problems.add("prompts.file", path, f"line {number} repeats line {earlier}: {shown}")
        elif line:
            numbers[line] = number
    if not numbers:
        problems.add("prompts.file", path, "has no line with a prompt")
        return texts
    return list(numbers)
