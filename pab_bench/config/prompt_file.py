"""Reads prompts from a text file, one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pab_bench.problems import Problems


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
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        problems.add("prompts.file", path, f"cannot be read: {error.strerror or error}")
        return texts
    except UnicodeDecodeError:
        problems.add("prompts.file", path, "is no text in UTF-8")
        return texts
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        problems.add("prompts.file", path, "has no line with a prompt")
        return texts
    return found
