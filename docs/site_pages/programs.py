"""The page of all programs: what each says of itself."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from importlib.util import find_spec

import analysis
import pab_bench
from site_pages.docstrings import documented

_INTRODUCTION = """# Programs

All can be started as `python -m NAME`, and say with `--help` what they take. `python -m pab_bench`,
also called `pab-bench`, takes [keys](keys.md) and does a [task](../tasks/index.md).
"""
_ALONE = (
    "analysis",
    "analysis.flops",
    "analysis.parallel",
    "analysis.reference",
    "analysis.wandb_report",
)
_MINIS = ("pab_bench.minis.evaluate", "pab_bench.minis.train", "pab_bench.minis.export")


def programs() -> list[str]:
    """Find the modules that can be started, but for `pab_bench` itself."""
    packages = [m.name for m in pkgutil.iter_modules(pab_bench.__path__, "pab_bench.") if m.ispkg]
    found = [name for name in packages if find_spec(f"{name}.__main__")]
    return [*sorted(found), *_ALONE, *_MINIS]


def pages() -> dict[str, str]:
    """Write the page."""
    parts = [_INTRODUCTION.strip()]
    for name in programs():
        parts += [f"## `{name}`", documented(importlib.import_module(_told_in(name))).markdown()]
    return {"docs/reference/programs.md": "\n\n".join(parts) + "\n"}


def _told_in(program: str) -> str:
    """The module whose docstring says what a program does."""
    if program == analysis.__name__:
        return f"{program}.__main__"
    packaged = importlib.util.find_spec(program)
    is_package = packaged is not None and packaged.submodule_search_locations is not None
    return f"{program}.command" if is_package else program
