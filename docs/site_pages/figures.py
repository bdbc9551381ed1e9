"""The pages of figures: what each shows, when it is left out, and one that was drawn."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import analysis.figures
from analysis.data import SweepData
from analysis.figures import catalog
from analysis.reference import REFERENCES
from site_pages.docstrings import documented
from site_pages.markdown import block, table
from site_pages.places import ROOT

_INDEX = """# Figures

Every run draws the figures that it has data for into `figures/`, as PNG;
`python -m analysis FOLDER` draws them again from what is on disk, as PDF, too. A figure that is
left out says why at the end of a run. All are in [the report](../../howto/report.md) as well.
"""


@dataclass(frozen=True)
class Drawn:
    """A figure that some command draws.

    Attributes:
        name: of its file.
        title: what it shows.
        function: what draws it.
        in_sweeps: whether runs and sweeps draw it, rather than a task of its own.
    """

    name: str
    title: str
    function: Callable[..., Any]
    in_sweeps: bool


def figures() -> list[Drawn]:
    """Find the figures of sweeps in their catalogue, and those of tasks beside them."""
    nothing = SimpleNamespace(sweep=SimpleNamespace(baselines=[SimpleNamespace(id="0" * 16)]))
    found = [
        Drawn(drawing.name, drawing.title, _function(drawing.draw), True)
        for drawing in catalog.drawings(cast("SweepData", nothing))
    ]
    known = {figure.function for figure in found}
    for module in pkgutil.iter_modules(analysis.figures.__path__):
        for function in _drawing(f"analysis.figures.{module.name}"):
            if function not in known:
                title = documented(function).summary.rstrip(".")
                found.append(Drawn(module.name, title, function, False))
    return found


def pages() -> dict[str, str]:
    """Write a page for each figure, and one of all."""
    rows = [(f"[`{f.name}`]({f.name}.md)", f.title) for f in figures()]
    found = {"docs/reference/figures/index.md": f"{_INDEX}\n{table(('figure', 'shows'), rows)}\n"}
    for figure in figures():
        found[f"docs/reference/figures/{figure.name}.md"] = _page(figure)
    return found


def _page(figure: Drawn) -> str:
    where = "" if figure.in_sweeps else " Drawn by a task or program of its own, not by sweeps."
    parts = [
        f"# `{figure.name}`",
        f"{figure.title}.{where}",
        documented(figure.function).markdown(),
    ]
    reasons = _reasons(figure.function)
    if reasons:
        parts.append("It is left out where " + "; or ".join(reasons) + ".")
    picture = sorted((ROOT / "results" / "reference").rglob(f"{figure.name}.png"))
    if picture:
        made = picture[0].relative_to(ROOT).as_posix()
        parts.append(f"![{figure.title}](../../../{made})")
    command = _command(figure)
    if command:
        parts += ["## Draw it", block("bash", [command])]
    return "\n\n".join(parts) + "\n"


def _command(figure: Drawn) -> str | None:
    """The command whose figure is kept as a reference, or any sweep's."""
    for reference in REFERENCES.values():
        if figure.name in reference.figures:
            return " ".join(["python -m pab_bench", *reference.arguments])
    if figure.in_sweeps:
        return "python -m pab_bench -m spatial_gap=1,2,4"
    return None


def _function(draw: Callable[..., Any]) -> Callable[..., Any]:
    """The function of `analysis.figures` that a drawing calls."""
    while isinstance(draw, partial):
        draw = draw.func
    called = [vars(catalog).get(name) for name in draw.__code__.co_names]
    (found,) = [f for f in called if inspect.isroutine(f) and _draws(f)]
    return cast("Callable[..., Any]", found)


def _drawing(module: str) -> list[Callable[..., Any]]:
    members = inspect.getmembers(importlib.import_module(module), inspect.isfunction)
    return [f for name, f in members if f.__module__ == module and name[0] != "_" and _draws(f)]


def _draws(function: Any) -> bool:
    if not function.__module__.startswith(f"{analysis.figures.__name__}."):
        return False
    taken = inspect.signature(function).parameters
    returned = inspect.signature(function).return_annotation
    return "Figure" in str(returned) and not {"width", "height"} <= taken.keys()


def _reasons(function: Callable[..., Any]) -> list[str]:
    """What its module says where there is nothing to show."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(function) or function))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    raised = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "NothingToShow"]
    texts = [c.args[0] for c in raised if c.args]
    return [str(t.value) for t in texts if isinstance(t, ast.Constant)]
