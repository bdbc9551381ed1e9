"""The prompts of a point: those of a file, or those that are written down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pab_bench.config.prompt_formats import READERS, Listed, NotPrompts
from pab_bench.config.prompt_images import pictured
from pab_bench.config.text_file import NotText, read_text
from pab_bench.problems import Problems

LONGEST_PROMPT = 10_000
"""Characters. Text encoders read some hundred tokens of a prompt."""
_MOST_BYTES = 16_000_000
_SHOWN = 60
"""Characters of a prompt that a message shows."""
_MOST_TOLD = 5
"""Problems of one file that are told; more of them say nothing new."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters but those that part words, and halves of characters."""


def prompt_texts(
    prompts: Mapping[str, Any], overrides: Sequence[str], problems: Problems
) -> list[str]:
    """The prompts: those of `prompts.file` if there is one, otherwise `prompts.texts`.

    Args:
        prompts: what the configuration says.
        overrides: the command line's `key=value`.
        problems: receives a file that cannot be used, and texts beside a file; its notices
            receive what of the file was left out.
    """
    texts: list[str] = prompts["texts"]
    if prompts["file"] is None:
        return texts
    path = Path(prompts["file"])
    if any(override.startswith("prompts.texts=") for override in overrides):
        problems.add("prompts.file", path, "contradicts prompts.texts; remove one of them")
    suffix = path.suffix.lower()
    if suffix not in READERS:
        known = ", ".join(filter(None, READERS))
        problems.add("prompts.file", path, f"must end in one of {known}, or have no suffix")
        return texts
    try:
        listed = READERS[suffix](read_text(path, _MOST_BYTES))
    except (NotText, NotPrompts) as error:
        problems.add("prompts.file", path, str(error))
        return texts
    found = _usable(path, listed, problems)
    problems.notices += [f"prompts.file={path}: {notice}" for notice in listed.notices]
    return found or texts


def _usable(path: Path, listed: Listed, problems: Problems) -> list[str]:
    """The prompts that can be sampled, each once."""
    places: dict[str, str] = {}
    wrong: list[str] = []
    repeats = 0
    for place, text in listed.prompts:
        prompt = text
        if text and place in listed.images:
            try:
                prompt = pictured(text, place, listed.images[place], path.parent)
            except NotPrompts as error:
                wrong.append(str(error))
                continue
        if prompt in places and listed.may_repeat:
            repeats += 1
        elif prompt in places:
            wrong.append(f"{place} repeats {places[prompt]}: {_shown(prompt)}")
        elif prompt:
            places[prompt] = place
            reason = _unusable(prompt)
            if reason is not None:
                wrong.append(f"{place} {reason}: {_shown(prompt)}")
    for message in wrong[:_MOST_TOLD]:
        problems.add("prompts.file", path, message)
    if len(wrong) > _MOST_TOLD:
        problems.add("prompts.file", path, f"and {len(wrong) - _MOST_TOLD} more of this kind")
    if repeats:
        listed.notices.append(f"{repeats} of {len(listed.prompts)} entries repeat a prompt")
    if not places:
        problems.add("prompts.file", path, "has no line with a prompt")
    return [] if wrong else list(places)


def _unusable(prompt: str) -> str | None:
    """Why a text can be no prompt; None if it can."""
    if len(prompt) > LONGEST_PROMPT:
        return f"has {len(prompt)} characters, a prompt has at most {LONGEST_PROMPT}"
    control = _CONTROL.search(prompt)
    return None if control is None else f"has the control character U+{ord(control[0]):04X}"


def _shown(prompt: str) -> str:
    text = "".join(c if c.isprintable() else " " for c in prompt[:_SHOWN])
    return text if len(prompt) <= _SHOWN else f"{text}..."
