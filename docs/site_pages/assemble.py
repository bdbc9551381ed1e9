"""Puts the tree together that Sphinx reads: pages by hand, pages from the source, what they show.

On a page that is written by hand and follows from the source, too (a task, a method, a system),
what is written comes first.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from site_pages import (
    api,
    calibrations,
    conventions,
    figures,
    keys,
    methods,
    metrics,
    navigation,
    notebook,
    options,
    programs,
    result_tables,
    systems,
    tasks,
)
from site_pages.places import DOCS, ROOT, hand_written, in_tree
from site_pages.relocate import check, relocated, targets

_GENERATORS: tuple[Callable[[], dict[str, str]], ...] = (
    tasks.pages,
    methods.pages,
    systems.pages,
    metrics.pages,
    figures.pages,
    result_tables.pages,
    calibrations.pages,
    conventions.pages,
    programs.pages,
    keys.pages,
    options.pages,
    notebook.pages,
    api.pages,
)
_FRONT = "---\n"


def all_pages() -> dict[str, str]:
    """Make all pages, by path from the root of the repository.

    Those that lie elsewhere in the repository and are linked to are among them.

    Raises:
        BrokenLink: if a link leads nowhere.
    """
    pages = hand_written() | {path: (ROOT / path).read_text() for path in navigation.ELSEWHERE}
    for generate in _GENERATORS:
        for path, text in generate().items():
            pages[path] = _joined(pages[path], text) if path in pages else text
    waiting = list(pages)
    while waiting:
        page = waiting.pop()
        for path, _ in targets(page, pages[page]):
            if path.endswith(".md") and path not in pages and (ROOT / path).is_file():
                pages[path] = _titled(path, (ROOT / path).read_text())
                waiting.append(path)
    check(pages)
    return pages


def _titled(path: str, text: str) -> str:
    """A page with a title; tables that a sweep has written have none."""
    if re.search(r"^# ", text, re.MULTILINE):
        return text
    return f"# {Path(path).parent.name}: {Path(path).stem}\n\n{text}"


def _joined(by_hand: str, generated: str) -> str:
    """What is written by hand, and after it what follows from the source, without its title."""
    _, _, rest = generated.partition("\n")
    return f"{by_hand.rstrip()}\n\n{rest.strip()}\n"


def assemble(target: Path) -> list[str]:
    """Write the tree.

    Args:
        target: a folder; what it holds is removed.

    Returns:
        The paths of its pages, in order.

    Raises:
        BrokenLink: if a link leads nowhere.
    """
    if target.exists():
        shutil.rmtree(target)
    pages = all_pages()
    trees = navigation.trees(pages)
    for page, text in pages.items():
        place = in_tree(page)
        whole = relocated(page, text) + trees.get(place, "")
        _write(target / place, whole if navigation.listed(page) else _orphan(whole))
        for path, _ in targets(page, text):
            if path not in pages:
                copy = target / in_tree(path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / path, copy)
    shutil.copyfile(ROOT / DOCS / "conf.py", target / "conf.py")
    shutil.copytree(ROOT / DOCS / "static", target / "static")
    return sorted(map(in_tree, pages))


def _orphan(text: str) -> str:
    """A page that is only linked to, as Sphinx is told; it may be a model card with a head."""
    head, rest = "", text
    if text.startswith(_FRONT):
        head, _, rest = text.removeprefix(_FRONT).partition(_FRONT)
    return f"{_FRONT}{head}orphan: true\n{_FRONT}\n{rest}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
