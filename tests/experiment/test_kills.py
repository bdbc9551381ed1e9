"""`kill -9` at any moment, and the same command again: nothing is lost, nothing is wrong."""

import multiprocessing
import os
import random
import signal
from pathlib import Path

import pandas as pd
import pytest
from experiment.conftest import TINY
from experiment.kill_victim import sweep
from experiment.test_parallel import numbers

from pab_bench.store.points import Store

KILLS = 30
SWEEP = ["-m", "spatial_gap=2,3,4", "threshold=[100,700]", "metrics.names=[psnr]", "steps=12"]
ARGUMENTS = [*SWEEP, *[line for line in TINY if not line.startswith(("metrics", "steps"))]]
TIMES = ["encode_s", "decode_s", "replayed_share"]
"""What differs between two runs of the same points."""


@pytest.fixture(scope="module")
def start():
    """Starts a sweep in a process whose modules are loaded, so that it dies at work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pab_bench.imports.torchvision", "pab_bench.cli", "pab_bench.tasks.run",
         "pab_bench.systems.latte.sampler", "analysis.build"]
    )  # fmt: skip

    def begin(folder):
        process = context.Process(target=sweep, args=(folder, ARGUMENTS))
        process.start()
        return process

    return begin


def summary(folder):
    (path,) = Path(folder).glob("results/sweep/*/summary.csv")
    frame = pd.read_csv(path)
    return frame.drop(columns=[c for c in frame.columns if c in TIMES or c.endswith("_s")])


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(folder)
    process.join(300)
    assert process.exitcode == 0
    found = numbers(folder / "results")
    assert len(found) == 4
    return found, summary(folder)


def damage(folder, chance):
    """Truncate, change or replace some file of the store, or put something foreign there."""
    files = [p for p in (folder / "results").rglob("*") if p.is_file() and "sweep" not in p.parts]
    if not files:
        return
    path = chance.choice(sorted(files))
    content = path.read_bytes()
    way = chance.randrange(4)
    if way == 0:
        path.write_bytes(content[: len(content) // 2])
    elif way == 1 and content:
        place = chance.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif way == 2:
        path.write_bytes(b"somebody else's")
    else:
        path.with_name(f"{path.name}.tmp").write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [False, True], ids=["kills", "kills and damage"])
def test_kills_at_random_moments(start, undisturbed, tmp_path, harm):
    chance = random.Random(7)
    expected, table = undisturbed
    kills = rounds = 0
    while kills < KILLS // (2 if harm else 1):
        folder = tmp_path / str(rounds)
        folder.mkdir(exist_ok=True)
        process = start(folder)
        process.join(chance.uniform(0.2, 9))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            kills += 1
            if harm:
                damage(folder, chance)
            else:
                # Whatever counts as a result is one.
                store = Store(folder / "results")
                known = [record.id for record in store.records()]
                assert all(store.load(i).status == "ok" for i in known)
                found = numbers(folder / "results")
                assert found == {i: expected[i] for i in found}
            continue
        assert process.exitcode == 0
        _check(folder, expected, table)
        rounds += 1
    process = start(folder := tmp_path / str(rounds))
    process.join(300)
    assert process.exitcode == 0
    _check(folder, expected, table)
    assert kills >= KILLS // (2 if harm else 1)


def _check(folder, expected, table):
    assert numbers(folder / "results") == expected
    # Not in the runs that were broken off before, either.
    hidden = {path.name for path in (folder / "results").rglob(".*")}
    assert hidden == {".locks", ".hydra", ".tried"}
    last = max((folder / "results" / "sweep").iterdir())
    for other in (folder / "results" / "sweep").iterdir():
        if other != last:
            os.rename(other, folder / f"broken off {other.name}")
    pd.testing.assert_frame_equal(summary(folder), table)
