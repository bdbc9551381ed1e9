"""Stores made before keep their value: addresses are unchanged, and nothing is computed again."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from pab_bench.cli import main
from pab_bench.config import hydra_setup
from pab_bench.config.compose import compose
from pab_bench.config.preflight import preflight
from pab_bench.experiment import identity as identity_of_points
from pab_bench.experiment import sampling
from pab_bench.experiment.identity import baseline_of, settings_identity, video_identity
from pab_bench.experiment.stored import find_stored
from pab_bench.store.points import Store, point_id

FIXTURE = Path(__file__).parents[1] / "fixtures" / "store"
IDENTITIES = json.loads((FIXTURE / "identities.json").read_text())
OLD_BASELINE = "1c3f31ae4c19f73a9e36"
KNOWN = {"weights": "0" * 64, "versions": {"torch": "1"}, "device": "cpu"}
COMMAND = (
    "-m",
    "spatial_gap=1,2",
    "mlp_skip=true",
    "mlp_keys=[750]",
    "mlp_reuse_steps=1",
    "steps=4",
    'prompts.texts=["a small red circle moves slowly to the right on a black background"]',
    "record.videos=false",
    "model.height=32",
    "model.width=32",
    "speed.calls=false",
    "metrics.names=[psnr]",
    "tape.disk_gb=0",
    "device=cpu",
)


def points_of(command):
    """Settings of all points; those of models and presets without Hydra, which takes its time."""
    lines = shlex.split(command)
    keys = dict(line.partition("=")[::2] for line in lines)
    if set(keys) <= {"model", "preset"}:
        return [compose(**keys)]
    hydra_setup.register()
    arguments = sorted(lines, key=lambda argument: argument != "-m")
    grid = preflight(hydra_setup.argument_parser().parse_args(arguments))
    return [point.settings for point in grid.points]


@pytest.mark.parametrize("command", IDENTITIES)
def test_addresses_are_unchanged(command, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    found = {}
    for settings in (s for p in points_of(command) for s in (p, baseline_of(p))):
        own = settings_identity(settings)
        found[point_id({**own, **KNOWN})] = point_id(video_identity(own))
    for point in IDENTITIES[command].values():
        for addresses in point.values():
            assert found.get(addresses["id"]) == addresses["video"]


def records(store):
    return {p.parent.name: json.loads(p.read_text()) for p in store.glob("points/*/record.json")}


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the store, and the versions that it was made with."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURE / "points", tmp_path / "results" / "points")
    before = records(tmp_path / "results")
    made = next(iter(before.values()))
    versions, theirs = made["config"]["versions"], made["provenance"]
    monkeypatch.setattr(identity_of_points, "decisive_versions", lambda: versions)
    rounding = {"processor": theirs["cpu"], "instructions": "any", "threads": theirs["threads"]}
    other = {}
    for module in (identity_of_points, sampling):
        monkeypatch.setattr(module, "arithmetic", lambda *given: dict(rounding, **other))
    return tmp_path / "results", other


def test_an_old_store_is_used_without_computing_anything(copied, monkeypatch):
    def sampled(*arguments, **options):
        raise AssertionError("a stored point was sampled again")

    monkeypatch.setattr(sampling, "sample_video", sampled)
    store, _ = copied
    before = records(store)
    assert len(before) == 3
    assert main(COMMAND) == 0
    (run,) = (store / "sweep").iterdir()
    pointers = [json.loads((run / number / "point.json").read_text()) for number in "01"]
    assert [pointer["cached"] for pointer in pointers] == [True, True]
    assert {pointer["id"] for pointer in pointers} < set(before)
    assert records(store) == before


@pytest.mark.parametrize(
    "other", [{"threads": 1}, {"processor": "another"}, {"variables": {"MKL_CBWR": "AVX2"}}]
)
def test_an_old_point_of_other_arithmetic_is_none(copied, other):
    """It could not be told apart from this one, but its frames are others."""
    store, rounding = copied
    settings = baseline_of(points_of(shlex.join(COMMAND))[0])
    own = identity_of_points.identity(settings, records(store)[OLD_BASELINE]["config"]["weights"])
    assert find_stored(Store(store), own).id == OLD_BASELINE
    rounding.update(other)
    own = identity_of_points.identity(settings, own["weights"])
    assert find_stored(Store(store), own) is None


def test_another_seed_would_be_computed(copied, monkeypatch):
    """The test above can fail."""
    sampled = []

    def refused(*arguments, **options):
        sampled.append(1)
        raise AssertionError("sampled")

    monkeypatch.setattr(sampling, "sample_video", refused)
    assert main([*COMMAND, "seeds=[1]"]) == 1
    assert sampled
