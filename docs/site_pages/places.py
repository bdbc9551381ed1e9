"""Where things lie: in the repository, and in the tree that Sphinx reads."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
DOCS = "docs"
BUILT = "_build"


def in_repository(page: str, target: str) -> str:
    """Resolve what a page links to, as a path from the root of the repository.

    Example:
        >>> in_repository("docs/methods/pab.md", "../../results/README.md")
        'results/README.md'
    """
    return os.path.normpath(PurePosixPath(page).parent / target)


def in_tree(path: str) -> str:
    """Say where a file of the repository lies in the tree: what is in `docs` lies at its top.

    Example:
        >>> in_tree("docs/methods/pab.md"), in_tree("results/README.md")
        ('methods/pab.md', 'results/README.md')
    """
    top, _, rest = path.partition("/")
    return rest if top == DOCS and rest else path


def hand_written() -> dict[str, str]:
    """Read the pages in `docs`, by their paths from the root of the repository."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in sorted((ROOT / DOCS).rglob("*.md"))
        if BUILT not in path.parts
    }
