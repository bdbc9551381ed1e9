"""The pages of the API, which autodoc fills from docstrings."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pab_bench
from site_pages.docstrings import documented
from site_pages.markdown import block, table

ROOMS = (
    "engine",
    "methods",
    "systems",
    "metrics",
    "probes",
    "store",
    "config",
    "cost",
    "experiment",
    "speed",
    "door",
)
"""The packages whose public names are shown."""
_LEFT_OUT = ("networks", "stand_ins", "vbench", "latte", "open_sora", "open_sora_plan", "cogvideox")
"""Folders of one metric or system, which have pages of their own."""
_INDEX = """# API

`import pab_bench` offers [these names](pab_bench.md) to programs and notebooks; [pab_bench from
Python](../../api.md) shows them at work. What follows is for who reads or extends the source: a
page for each of the main rooms of the house, in the order in which they build on each other
([CONTRIBUTING](../../../CONTRIBUTING.md) says which imports which).
"""


def pages() -> dict[str, str]:
    """Write a page for the public names, one for each room, and one for `analysis`."""
    found = {"docs/reference/api/pab_bench.md": _door()}
    rows = [("[`pab_bench`](pab_bench.md)", documented(pab_bench).summary)]
    for package in [*(f"pab_bench.{room}" for room in ROOMS), "analysis"]:
        name = package.rpartition(".")[2]
        found[f"docs/reference/api/{name}.md"] = _room(package)
        rows.append((f"[`{package}`]({name}.md)", _summary(package)))
    index = f"{_INDEX}\n{table(('package', 'what'), rows)}\n"
    return {"docs/reference/api/index.md": index, **found}


def _summary(package: str) -> str:
    return documented(importlib.import_module(package)).summary


def _door() -> str:
    parts = ["# `pab_bench`", documented(pab_bench).markdown()]
    for name in pab_bench.__all__:
        thing = getattr(pab_bench, name)
        kind = "class" if isinstance(thing, type) else "function"
        lines = [f".. auto{kind}:: {thing.__module__}.{thing.__qualname__}"]
        parts += [f"## `{name}`", block("{eval-rst}", [*lines, "   :no-index:", *_OF[kind]])]
    return "\n\n".join(parts) + "\n"


_OF = {"class": ["   :members:"], "function": []}


def _room(package: str) -> str:
    parts = [f"# `{package}`", documented(importlib.import_module(package)).markdown()]
    for module in _modules(package):
        name = module.removeprefix(f"{package}.")
        parts += [
            f"## `{name}`",
            block("{eval-rst}", [f".. automodule:: {module}", "   :members:"]),
        ]
    return "\n\n".join(parts) + "\n"


def _modules(package: str) -> Iterator[str]:
    path = importlib.import_module(package).__path__
    for found in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        if found.name.startswith("_") or found.name in _LEFT_OUT:
            continue
        yield f"{package}.{found.name}"
