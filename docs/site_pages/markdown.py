"""Pieces of Markdown: tables, code, and where its headings and links are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; pipes and line ends within its cells are made harmless."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Write a piece of code within a line; nothing becomes a dash."""
    return f"`{text}`" if str(text) else "-"


def block(language: str, lines: Iterable[str]) -> str:
    """Write a fenced block."""
    return "\n".join([f"```{language}", *lines, "```"])


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Change what does not stand in fenced blocks."""
    parts, last = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*parts, change(text[last:])])


def anchors(text: str) -> set[str]:
    """Name the anchors of a page's headings, as GitHub and MyST make them.

    Example:
        >>> sorted(anchors("# What `task=run` does" + chr(10) + "## See: *this*"))
        ['see-this', 'what-taskrun-does']
    """
    found: dict[str, int] = {}
    prose: list[str] = []
    outside_code(text, lambda piece: prose.append(piece) or piece)  # type: ignore[func-returns-value]
    for heading in _HEADING.findall("".join(prose)):
        plain = re.sub(r"\]\([^)]*\)", "]", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{n}" if n else slug for slug, most in found.items() for n in range(most + 1)}
