"""Timings travel with the points that they are of, and are merged, never doubled."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from archive.building import changed, entries_of

from pab_bench.files import read_json
from pab_bench.pack.command import main as pack
from pab_bench.timings.store import read_timings
from pab_bench.unpack.command import main as unpack

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
import made_timings


@pytest.fixture(scope="module")
def timed(tmp_path_factory, results):
    """An archive of a store whose points were timed."""
    folder = tmp_path_factory.mktemp("timed") / "results"
    shutil.copytree(results, folder)
    records = [read_json(path) for path in sorted(folder.glob("points/*/record.json"))]
    seconds = {r["id"]: 2.0 if r["is_baseline"] else 1.0 for r in records}
    made_timings.write_timings(folder, records, seconds)
    path = folder.parent / "timed.pab.tar"
    assert pack([str(folder), "-o", str(path)]) == 0
    return path


def name_of(path):
    """The archive's only file of timings."""
    (name,) = [name for name in entries_of(path) if name.startswith("timings/")]
    return name


def test_they_travel_and_are_not_doubled(timed, tmp_path, capsys):
    results = tmp_path / "results"
    assert unpack([str(timed), "--into", str(results)]) == 0
    name = name_of(timed)
    first = (results / name).read_bytes()
    assert first == entries_of(timed)[name]
    assert unpack([str(timed), "--into", str(results)]) == 0
    assert "0 new timing passes" in capsys.readouterr().out
    assert (results / name).read_bytes() == first
    found = read_timings(results, json.loads(first)["key"])
    assert found.passes


def test_those_of_another_key_are_refused(timed, tmp_path, capsys):
    content = entries_of(timed)[name_of(timed)]
    wrong = tmp_path / "wrong.tar"
    wrong.write_bytes(changed(timed, {f"timings/{'0' * 20}.json": content}))
    assert unpack([str(wrong), "--into", str(tmp_path / "results")]) == 2
    assert "the name of another key" in capsys.readouterr().err
