"""What stands beside the pages: which belong together, in which order."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

from site_pages.markdown import block
from site_pages.places import DOCS, in_tree

_TOP = {
    "Start": ("get_started", "numbers", "findings", "parallel", "scaling", "api", "tour"),
    "How to": ("howto/*",),
    "What there is": ("tasks/index", "methods/index", "systems/index", "reference/metrics/index"),
    "Reference": (
        "reference/figures/index",
        "reference/tables",
        "reference/keys",
        "reference/options",
        "reference/conventions",
        "reference/programs",
        "reference/api/index",
        "minis",
        "small_models",
        "CONTRIBUTING",
        "CHANGELOG",
    ),
}
ELSEWHERE = ("CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the navigation that do not lie in `docs`."""


def listed(page: str) -> bool:
    """Whether a page stands in the navigation, rather than only being linked to."""
    return page.startswith(f"{DOCS}/") or page in ELSEWHERE


def trees(pages: Collection[str]) -> dict[str, str]:
    """Write what is added to the home page and to the index of every folder.

    Args:
        pages: all pages, by path from the root of the repository.

    Returns:
        Markdown by path in the tree.
    """
    here = sorted(in_tree(page) for page in pages if listed(page))
    found = {"index.md": "".join(_tree(names, caption) for caption, names in _TOP.items())}
    for page in here:
        path = PurePosixPath(page)
        if path.name == "index.md" and path.parent.name:
            beside = [p.stem for p in map(PurePosixPath, here) if p.parent == path.parent]
            found[page] = _tree([name for name in beside if name != "index"])
    return found


def _tree(names: Collection[str], caption: str = "") -> str:
    options = [":hidden:", ":glob:", *([f":caption: {caption}"] if caption else []), ""]
    return "\n" + block("{toctree}", [*options, *names]) + "\n"
