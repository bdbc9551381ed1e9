"""Links of pages: checked in the repository, and made to fit the tree that Sphinx reads."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from site_pages.markdown import LINK, anchors, outside_code
from site_pages.places import ROOT, in_repository, in_tree

_ELSEWHERE = re.compile(r"[a-z]+:", re.IGNORECASE)


class BrokenLink(Exception):
    """Links that lead nowhere, each with its page."""


def targets(page: str, text: str) -> list[tuple[str, str]]:
    """Find what a page links to within the repository.

    Args:
        page: its path from the root of the repository.
        text: its Markdown.

    Returns:
        Path from the root, and anchor or nothing, of each link in order.
    """
    found: list[tuple[str, str]] = []

    def collect(piece: str) -> str:
        for _, target in LINK.findall(piece):
            if not _ELSEWHERE.match(target):
                path, _, anchor = target.partition("#")
                found.append((in_repository(page, path) if path else page, anchor))
        return piece

    outside_code(text, collect)
    return found


def check(pages: Mapping[str, str]) -> None:
    """Check that every link of pages leads to a page, an anchor of it, or a file.

    Args:
        pages: Markdown by path from the root of the repository.

    Raises:
        BrokenLink: with all that do not.
    """
    known = {path: anchors(text) for path, text in pages.items()}
    broken = []
    for page, text in pages.items():
        for path, anchor in targets(page, text):
            if path not in known and not (ROOT / path).is_file():
                broken.append(f"{page}: there is no {path}")
            elif anchor and anchor not in known.get(path, ()):
                broken.append(f"{page}: {path} has no heading #{anchor}")
    if broken:
        raise BrokenLink("\n".join(broken))


def relocated(page: str, text: str) -> str:
    """Rewrite the links of a page for its place in the tree."""
    here = PurePosixPath(in_tree(page)).parent

    def rewrite(match: re.Match[str]) -> str:
        label, target = match.groups()
        path, sign, anchor = target.partition("#")
        if _ELSEWHERE.match(target) or not path:
            return match[0]
        new = os.path.relpath(in_tree(in_repository(page, path)), here)
        return f"{label}({new}{sign}{anchor})"

    return outside_code(text, lambda piece: LINK.sub(rewrite, piece))
