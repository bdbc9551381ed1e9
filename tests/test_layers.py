"""A module imports from its own line of `ORDER` or from above it; never from below.

The order is the test: it is not a list of bans, and there are no exceptions.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pab_bench.minis.registry import NAMES

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "diffusers", "transformers", "pandas", "matplotlib", "lpips", "skimage", "wandb"}
LEAVES = "errors names problems registry files text statistics progress imports"
ORDER = (
    LEAVES,
    "engine",
    "methods systems metrics probes parallel",
    "store",
    "config",
    "timings",
    "archive",
    "cost",
    "experiment",
    "speed",
    "analysis",
    "claims advice tracking compare export verify minis pack unpack reproduce leaderboard cite",
    "tasks",
    "door cli",
    "__init__ __main__",
)
LINE_OF = {name: line for line, names in enumerate(ORDER) for name in names.split()}
NEVER = {
    "engine": {"hydra", "omegaconf", "pathlib", "diffusers"},
    "methods": {"hydra", "omegaconf", "torch", "diffusers"},
    "systems": {"hydra", "omegaconf"},
    "metrics": {"hydra", "omegaconf"},
    "store": {"hydra", "omegaconf"},
    "config": HEAVY,
    "cost": {"hydra", "omegaconf"},
    "timings": {"hydra", "omegaconf", "torch", "diffusers"},
    "archive": {"hydra", "omegaconf", "torch", "diffusers"},
    "speed": {"hydra", "omegaconf"},
    "experiment": {"hydra", "omegaconf"},
    "analysis": {"hydra", "omegaconf", "torch", "diffusers"},
} | {leaf: {"hydra", "omegaconf", "torch", "diffusers"} for leaf in LEAVES.split()}
"""Libraries that a line does not know; `imports` declares torchvision's operators to torch."""
NEVER["imports"] = {"hydra", "omegaconf", "diffusers"}


def modules() -> dict[str, Path]:
    """Name to file of every module of ours."""
    found = {}
    for top in ("pab_bench", "analysis"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def line(module: str) -> str:
    """The entry of `ORDER` that a module belongs to."""
    parts = module.split(".")
    if parts[0] == "analysis":
        return "analysis"
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path) -> Iterator[str]:
    """Modules that a file names in imports, wherever they stand.

    An import within a function, or for the type checker alone, is one of what is known, too.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def test_every_package_has_its_line():
    assert {line(module) for module in MODULES} == set(LINE_OF)


def test_nothing_imports_from_below():
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in imported(path)
        if name in MODULES and LINE_OF[line(name)] > LINE_OF[line(module)]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", NEVER)
def test_a_line_does_not_know(package):
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if line(module) == package
        for name in imported(path)
        if name.split(".")[0] in NEVER[package]
    ]
    assert wrong == []


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected parts of a graph that have more than one member (Tarjan)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(sorted(part))

    for node in sorted(edges):
        if node not in number:
            visit(node)
    return found


def test_the_search_for_circles_finds_one():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


@pytest.mark.parametrize("of", ["files", "packages"])
def test_no_circles(of):
    edges: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        for name in imported(path):
            start, end = (module, name) if of == "files" else (line(module), line(name))
            if name in MODULES and start != end:
                edges.setdefault(start, set()).add(end)
    assert circles(edges) == []


def test_the_command_line_starts_without_heavy_imports():
    code = "import sys, pab_bench.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert HEAVY.isdisjoint(done.stdout.split())


def test_no_file_is_too_long():
    for folder in ("pab_bench", "analysis", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path


@pytest.mark.parametrize("name", NAMES)
def test_the_minis_are_small(name):
    files = [p for p in (ROOT / "pab_bench" / "minis" / name).rglob("*") if p.is_file()]
    assert 0 < sum(p.stat().st_size for p in files) <= 20_000_000
