import hashlib
import pickle
import shutil
from contextlib import suppress
from functools import partial
from typing import get_args

import pytest
from experiment.conftest import no_figures

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.load import load_sweep
from analysis.points import TableName
from pab_bench.cli import main
from pab_bench.store.points import Store

COMMAND = (
    "-m",
    "spatial_gap=2,3",
    "threshold=[100,700]",
    "prompts.texts=[a large red circle moves right slowly over a black background]",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "steps=6",
    "metrics.names=[psnr]",
    "record.attention_maps=true",
)
TIMES = ("encode_s", "decode_s", "replayed_share")
"""Columns in which two runs of the same points differ."""


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """A results folder with a baseline, two variants and their sweep, as a command leaves it."""
    folder = tmp_path_factory.mktemp("pristine")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("analysis.build.build", no_figures)
        assert main([*COMMAND]) == 0
    return folder / "results"


@pytest.fixture
def results(pristine, tmp_path, monkeypatch):
    """A copy of it, in the working folder; figures are not drawn after a command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("analysis.build.build", no_figures)
    shutil.copytree(pristine, tmp_path / "results")
    return tmp_path / "results"


def sweep_of(results, number=0):
    """Its first sweep, or another one in the order of time."""
    return load_sweep(sorted((results / "sweep").iterdir())[number])


def summary_of(results, number=0):
    """A sweep's summary without what differs from run to run."""
    summary = SweepData(sweep_of(results, number)).summary.set_index("job")
    return summary.drop(columns=list(TIMES) if number else [])


def contents_of(results):
    """All tables, maps and videos that the analysis takes for a finished point's, by their name."""
    found = {}
    for point in {point.id: point for _, point in sweep_of(results).finished}.values():
        readers = {name: partial(point.table, name) for name in get_args(TableName)}
        readers |= {f"{p}-{s}": partial(point.frames, p, s) for p, s in point.videos()}
        for name, read in readers.items():
            with suppress(NothingToShow):
                found[point.id, name] = _digest(read())
    for baseline in sweep_of(results).baselines:
        for name, read in (
            ("maps", baseline.attention_maps),
            ("curves", partial(baseline.table, "curves")),
        ):
            with suppress(NothingToShow):
                found[baseline.id, name] = _digest(read())
    return found


def _digest(content):
    return hashlib.sha256(pickle.dumps(content)).hexdigest()


def kept_of(results):
    """What is kept of every point but times and what they were replayed from."""
    store = Store(results)
    found = {}
    for record in store.records():
        assert store.load(record.id) == record
        quality = {name: entry["value"] for name, entry in record.quality.items()}
        frames = store.frames(record.id, 0, 0).tobytes()
        found[record.id] = (record.status, record.inputs, record.ledger, quality, frames)
    return found
