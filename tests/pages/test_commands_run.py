"""Every command that the pages show is run, the short way; `tests/pages/short.py` says how.

Not run here: what installs, the tests themselves, what needs a GPU or hours.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pages.commands import commands
from pages.short import shortened
from pages.stand_ins import lay_out, stood_in
from site_pages.places import ROOT

from pab_bench.cli import main

pytestmark = pytest.mark.slow
PAGES = (
    "README.md",
    "docs/get_started.md",
    "docs/findings.md",
    "docs/howto/",
    "docs/tasks/",
    "docs/methods/",
    "docs/systems/",
    "docs/reference/metrics/",
    "docs/reference/figures/",
    "docs/reference/",
    "",
)
ELSEWHERE = {
    "venv": "installs",
    "pip": "installs",
    "pytest": "is the tests themselves",
    "pab_bench.minis.train": "takes hours; tests/minis trains a step of each part",
    "pab_bench.minis.export": "needs a finished training; tests/minis exports one",
    "analysis.reference": "runs the sweeps, which are run here, at full length",
    "docs/build.py": "tests/pages/test_site.py builds the site",
    "tests/benchmarks/full_size.py": "needs a GPU",
    "tests/benchmarks/diffusers_hook.py": "is what tests/systems/diffusers compares, as a table",
}
SHORTER = {"pab_bench.minis.evaluate": ("--prompts", "2", "--control", "1", "--steps", "4")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where all commands are typed, so that they share what is computed."""
    place = tmp_path_factory.mktemp("commands")
    lay_out(place)
    return place


@pytest.mark.parametrize("start", PAGES)
def test_commands_run(start, shown, folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WANDB_MODE", "offline")
    failed = []
    chosen = [command for command in commands(shown) if first_fitting(command.page) == start]
    assert chosen
    for command in chosen:
        try:
            status = run(stood_in(command.words))
        except SystemExit as stop:
            status = int(stop.code or 0)
        shown_by_it = capfd.readouterr()
        if status != 0:
            failed.append(f"{command.page}: {command}: {status}: {shown_by_it.err[-600:]}")
    assert not failed, "\n".join(failed)


def first_fitting(page: str) -> str:
    return next(start for start in PAGES if page.startswith(start))


def run(words: Sequence[str]) -> int:
    """Run a command here; its exit status."""
    program, *rest = words
    if Path(program).name in ELSEWHERE:
        return 0
    if Path(program).name == "torchrun":
        return torchrun(rest)
    if rest[0] != "-m":
        assert rest[0] in ELSEWHERE, rest[0]
        return 0
    module, *arguments = rest[1:]
    if module in ELSEWHERE:
        return 0
    if module == "pab_bench":
        return main(shortened(arguments))
    results(arguments)
    sys.argv = [module, *arguments_at_hand(arguments), *SHORTER.get(module, ())]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def torchrun(rest: Sequence[str]) -> int:
    at = rest.index("pab_bench")
    command = [sys.executable, "-m", "torch.distributed.run", *rest[: at + 1]]
    done = subprocess.run([*command, *shortened(rest[at + 1 :])], check=False)
    return done.returncode


def arguments_at_hand(arguments: Sequence[str]) -> list[str]:
    """Arguments with what this folder has for TIME and `*`."""
    found = []
    for word in arguments:
        if "TIME" in word:
            word = str(sorted(Path("results/sweep").iterdir())[-1])
        if word.startswith("tests/"):
            word = str(ROOT / word)
        found += [str(path) for path in sorted(Path().glob(word))] if "*" in word else [word]
    return found


def results(arguments: Sequence[str]) -> None:
    """What VBench would have said of the videos that were exported."""
    if "RESULTS.json" not in arguments:
        return
    import json

    video = next(Path("exported").rglob("*.mp4"))
    content = {"temporal_flickering": [0.9, [{"video_path": str(video), "video_results": 0.9}]]}
    Path("RESULTS.json").write_text(json.dumps(content))
