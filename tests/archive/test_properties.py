"""Whatever is packed comes out again, and no change of any byte goes unnoticed."""

import json
import random
import tempfile
from pathlib import Path

import pytest
from archive.building import RECORD, VARIANT, entries_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.archive.manifest import Manifest
from pab_bench.archive.member import member
from pab_bench.archive.names import TABLES
from pab_bench.archive.reading import open_archive
from pab_bench.archive.records import check_record
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.writing import write_archive
from pab_bench.store.points import point_id

POINTS = st.text("0123456789abcdef", min_size=20, max_size=20)
FILES = st.one_of(
    st.sampled_from([f"{name}.parquet" for name in TABLES]),
    st.sampled_from(["record.json", "SHA256SUMS", "attention_maps.safetensors"]),
    st.builds(
        "videos/{:03d}-{}.{}".format,
        st.integers(0, 10**6),
        st.integers(0, 2**63 - 1),
        st.sampled_from(["mp4", "safetensors"]),
    ),
)
NAMES = st.one_of(
    st.builds("points/{}/{}".format, POINTS, FILES), st.builds("timings/{}.json".format, POINTS)
)
CONTENTS = st.one_of(st.binary(max_size=40), st.binary(min_size=500, max_size=1100))
SHOWN = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
TEXTS = st.lists(SHOWN, max_size=3).map(tuple)
MANIFESTS = st.builds(
    Manifest,
    date=SHOWN,
    machines=TEXTS,
    versions=st.dictionaries(SHOWN, TEXTS, max_size=3),
    videos=st.booleans(),
    commands=st.dictionaries(POINTS, TEXTS, max_size=3),
)


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as place:
        yield Path(place)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, CONTENTS, max_size=6), MANIFESTS, st.randoms(use_true_random=False))
def test_a_round_trip_gives_everything_back(folder, files, manifest, chance):
    members = [member(name, content) for name, content in files.items()]
    digest = write_archive(folder / "one.tar", manifest, members)
    chance.shuffle(members)
    assert write_archive(folder / "two.tar", manifest, members) == digest
    assert (folder / "one.tar").read_bytes() == (folder / "two.tar").read_bytes()
    found = open_archive(folder / "one.tar")
    assert (found.digest, found.manifest) == (digest, manifest)
    assert set(found.files) == set(files)
    for name, content in files.items():
        (folder / "file").unlink(missing_ok=True)
        found.copy(name, folder / "file")
        assert (folder / "file").read_bytes() == content


@given(st.data())
def test_no_changed_byte_goes_unnoticed(archive, folder, data):
    content = bytearray(archive.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path = folder / "changed.tar"
    path.write_bytes(content)
    with pytest.raises(ArchiveRefused):
        open_archive(path)


@given(st.data())
def test_nothing_can_be_taken_away_or_put_in(archive, folder, data):
    content = archive.read_bytes()
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start, len(content)))
    between = data.draw(st.binary(max_size=8))
    if content[start:end] == between:
        return
    path = folder / "cut.tar"
    path.write_bytes(content[:start] + between + content[end:])
    with pytest.raises(ArchiveRefused):
        open_archive(path)


@given(st.binary(max_size=3000))
def test_random_bytes_are_refused(folder, content):
    path = folder / "random.tar"
    path.write_bytes(content)
    with pytest.raises(ArchiveRefused):
        open_archive(path)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_any_json_is_no_record(content):
    with pytest.raises(ValueError):  # noqa: PT011 (Any reason will do.)
        check_record(content, VARIANT)


@settings(max_examples=50)
@given(JSON, st.integers(0, 2**32))
def test_a_record_with_any_other_value_is_refused_or_a_record(archive, value, seed):
    """Nothing but a refusal comes of it, whichever part is replaced by whatever."""
    record = json.loads(entries_of(archive)[RECORD])
    chance = random.Random(seed)
    parent, key = record, chance.choice(sorted(record))
    while isinstance(parent[key], dict) and parent[key] and chance.random() < 0.8:
        parent, key = parent[key], chance.choice(sorted(parent[key]))
    parent[key] = value
    config = record.get("config")
    if isinstance(config, dict):
        record["id"] = point_id(config)
    try:
        found = check_record(record, str(record["id"]))
    except ValueError:
        return
    assert found.to_json() == {
        **record,
        **{later: record.get(later, {}) for later in ("control", "audit", "communication")},
    }
