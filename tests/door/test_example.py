"""Everything that the documentation shows is run."""

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest
import torch
from door.systems_at_hand import latte as latte_at_hand

from pab_bench.speed.timing_pass import PassLimits

DOCS = Path(__file__).parents[2] / "docs"
FLAGS = doctest.NORMALIZE_WHITESPACE
MODULES = ("attach", "observe", "measure", "results", "experiment")


@pytest.fixture(autouse=True)
def not_that_exact(monkeypatch):
    """Examples time calls; how exact is another test's."""
    monkeypatch.setattr(
        "pab_bench.speed.plans.PassLimits", lambda precision, budget_s: PassLimits(0.5, budget_s)
    )


@pytest.fixture
def untimed(monkeypatch):
    """Points of a run are not timed: the README's are."""
    monkeypatch.setattr("pab_bench.tasks.finish.time_speeds", lambda pointers, points: None)


@pytest.fixture
def known(latte, tmp_path):
    """What examples take for granted: a pipeline, how it is called, and a folder for results."""
    small = {"model.height": 32, "model.width": 32, "steps": 8, "metrics": ["psnr"]}
    return {
        "pipe": latte.pipe,
        "make": lambda: latte.make(steps=8),
        "folder": tmp_path,
        "small": small,
    }


def failures(test):
    found = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=found.append)
    return "".join(found)


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name, known, sweep_folder):
    module = importlib.import_module(f"pab_bench.door.{name}")
    if name == "results":
        known["folder"] = sweep_folder
    tests = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert tests
    for test in tests:
        test.globs.update(known)
        assert failures(test) == ""


def pages_with_examples():
    pages = [path.relative_to(DOCS) for path in DOCS.rglob("*.md")]
    mine = [page for page in pages if page.parts[0] != "_build"]
    return sorted(str(page) for page in mine if ">>> " in (DOCS / page).read_text())


def test_there_are_examples():
    assert "api.md" in pages_with_examples()


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize("page", pages_with_examples())
def test_pages(page, tmp_path):
    text = (DOCS / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    test = doctest.DocTestParser().get_doctest(
        "\n".join(blocks), {"results_dir": str(tmp_path)}, page, page, 0
    )
    assert failures(test) == ""


def test_readme(latte, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS.parent / "README.md").read_text()
    code = re.search(r"^## From Python\n+```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    small = 'spatial_gap=2, steps=4, prompts=["a red circle"], spatial_threshold=[1, 999]'
    small += ', **{"model.height": 32, "model.width": 32}'
    assert "spatial_gap=2)" in code[1]
    call = {"num_inference_steps": 8, "height": 32, "width": 32, "clean_caption": False}
    seed = torch.Generator().manual_seed
    names = {
        "pipe": latte.pipe,
        "make": lambda: latte.pipe("a red circle", generator=seed(0), output_type="np", **call),
    }
    exec(code[1].replace("spatial_gap=2))", f"{small}))"), names)
    assert names["run"].plan.reuse_share() > 0
    assert names["results"].summary["status"].tolist() == ["ok"]


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize("notebook", sorted(path.name for path in DOCS.glob("*.ipynb")))
def test_notebooks(notebook):
    cells = json.loads((DOCS / notebook).read_text())["cells"]
    names = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), f"{notebook}, cell {number}", "exec"), names)


def test_the_pipeline_of_the_examples_is_the_documented_one():
    assert type(latte_at_hand().pipe).__name__ in (DOCS / "api.md").read_text()
