"""The commands that the pages show, as a shell would take them apart."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from site_pages.places import ROOT

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from site_pages.assemble import all_pages

BASH = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BRACES = re.compile(r"\{([^{}]+,[^{}]+)\}")


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        page: where it stands, from the root of the repository; of several pages the first.
        words: the program and its arguments.
    """

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def pages() -> dict[str, str]:
    """All pages of the site, and README."""
    return {"README.md": (ROOT / "README.md").read_text(), **all_pages()}


def commands(found: Mapping[str, str]) -> list[Command]:
    """Every command of pages, each once."""
    first: dict[tuple[str, ...], str] = {}
    for page, text in found.items():
        for block in BASH.findall(text):
            for words in taken_apart(block):
                first.setdefault(words, page)
    return [Command(page, words) for words, page in first.items()]


def taken_apart(block: str) -> Iterator[tuple[str, ...]]:
    """The commands of a block: without comments, apart at `&&` and `;`, braces expanded."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        command: list[str] = []
        for word in [*words, "&&"]:
            if word not in ("&&", ";"):
                command += expanded(word)
            elif command:
                yield tuple(command)
                command = []


def expanded(word: str) -> list[str]:
    """What bash makes of `{a,b}` in a word."""
    match = BRACES.search(word)
    if match is None:
        return [word]
    start, end = word[: match.start()], word[match.end() :]
    return [f"{start}{part}{end}" for part in match[1].split(",")]
