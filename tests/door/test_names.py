import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pab_bench

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "numpy", "pandas", "hydra", "omegaconf", "matplotlib", "diffusers", "yaml"}


def documented():
    """The first column of the table in docs/api.md."""
    return re.findall(r"^\| `(\w+)", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)


def public():
    return [name for name in dir(pab_bench) if not name.startswith("__")]


def test_names_are_the_documented_ones():
    assert len(set(documented())) == len(documented())
    assert public() == sorted(documented())
    assert sorted(pab_bench.__all__) == sorted(documented())


def test_every_name_is_there_and_documented():
    for name in documented():
        value = getattr(pab_bench, name)
        assert value.__doc__
        assert value is getattr(pab_bench, name)
        assert value.__module__.startswith("pab_bench.")


def test_type_checkers_know_the_same_names():
    tree = ast.parse(Path(pab_bench.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.asname: f"{node.module}:{alias.name}" for node in block.body for alias in node.names
    }
    assert typed == pab_bench._ADDRESSES
    assert (Path(pab_bench.__file__).parent / "py.typed").exists()


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'atach'"):
        _ = pab_bench.atach


def test_the_import_is_light():
    code = "import sys, pab_bench; dir(pab_bench); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert HEAVY.isdisjoint(done.stdout.split())
    assert public() == sorted(documented())  # Also where packages were imported meanwhile.
