"""Data flows from configuration to analysis; nothing imports from what lies to its right."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pab_bench.minis.registry import NAMES

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "diffusers", "transformers", "pandas", "matplotlib", "lpips", "skimage", "wandb"}
FORBIDDEN = {
    "analysis": {"pab_bench", "torch", "hydra", "diffusers"},
    "pab_bench/broadcast": {
        "hydra",
        "omegaconf",
        "pathlib",
        "pab_bench.store",
        "pab_bench.metrics",
    },
    "pab_bench/metrics": {"hydra", "omegaconf", "pab_bench.store", "pab_bench.samplers"},
    "pab_bench/samplers": {"hydra", "pab_bench.metrics", "pab_bench.experiment", "analysis"},
    "pab_bench/store": {"hydra", "pab_bench.experiment", "pab_bench.samplers", "analysis"},
    "pab_bench/config": {"pab_bench.experiment", "pab_bench.samplers", "analysis", *HEAVY},
}


def imports(path, top_level_only):
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_layers(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        for name in imports(path, top_level_only=False):
            for forbidden in FORBIDDEN[folder]:
                assert name != forbidden, f"{path}: {name}"
                assert not name.startswith(f"{forbidden}."), f"{path}: {name}"


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
