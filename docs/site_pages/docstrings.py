"""Docstrings in the style of Google, as Markdown."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

_SECTION = re.compile(r"^([A-Z][a-z]+):$", re.MULTILINE)
_ENTRY = re.compile(r"^([\w*][\w*, ]*): (.*(?:\n {4,}.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Documented:
    """What a docstring says.

    Attributes:
        summary: its first line.
        text: the paragraphs after that.
        sections: what stands below `Args:`, `Attributes:` and the like, without its indentation.
    """

    summary: str
    text: str
    sections: dict[str, str]

    def entries(self, section: str = "Attributes") -> dict[str, str]:
        """The names that a section explains, each with its explanation in one line."""
        found = _ENTRY.findall(self.sections.get(section, ""))
        return {name: " ".join(text.split()) for name, text in found}

    def markdown(self) -> str:
        """Summary, paragraphs and example."""
        parts = [self.summary, self.text]
        example = self.sections.get("Example")
        if example:
            parts.append(f"```python\n{example}\n```")
        return "\n\n".join(part for part in parts if part)


def documented(thing: Any) -> Documented:
    """Read the docstring of a module, class or function.

    Raises:
        ValueError: if it has none.
    """
    doc = inspect.getdoc(thing)
    if not doc:
        raise ValueError(f"{thing!r} has no docstring")
    head, *rest = _SECTION.split(doc)
    summary, _, text = head.partition("\n")
    pairs = zip(rest[::2], rest[1::2], strict=True)
    sections = {name: inspect.cleandoc(body) for name, body in pairs}
    return Documented(summary.strip(), text.strip(), sections)
