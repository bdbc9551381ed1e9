import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from pab_bench.files import write_digests, write_json
from pab_bench.store.points import Store, point_id
from pab_bench.store.records import PointData, Record

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3)
    ),
    max_leaves=8,
)
identities = st.dictionaries(st.text(), plain, max_size=5)


@given(identities)
def test_an_id_does_not_depend_on_the_order_of_keys(identity):
    assert point_id(identity) == point_id(dict(reversed(identity.items())))


@given(identities, identities)
def test_different_identities_have_different_ids(one, other):
    as_text = [json.dumps(i, sort_keys=True) for i in (one, other)]
    assert (point_id(one) == point_id(other)) == (as_text[0] == as_text[1])


def record(identifier="abc", status="ok"):
    return Record(
        id=identifier,
        status=status,
        config={"steps": 2},
        model={"name": "toy"},
        prompts=["a", "b"],
        seeds=[0],
        baseline_id=None,
        is_baseline=True,
        provenance={"created": "now"},
    )


def data(value=7):
    frames = np.full((3, 16, 16, 3), value, dtype=np.uint8)
    return PointData(
        plan=[{"kind": "spatial", "call": 0}],
        steps=[{"step": 0, "seconds": 0.5}],
        curves=[],
        metrics=[{"metric": "psnr_db", "value": 30.0}],
        videos={(0, 0): frames, (1, 0): frames},
        mp4=True,
    )


def test_a_point_comes_back_as_it_was_saved(tmp_path):
    store = Store(tmp_path)
    saved = store.save(record(), data())
    assert store.load("abc") == saved
    assert set(saved.files) == {
        "plan.parquet",
        "steps.parquet",
        "metrics.parquet",
        "videos/000-0.safetensors",
        "videos/000-0.mp4",
        "videos/001-0.safetensors",
        "videos/001-0.mp4",
    }
    assert (store.frames("abc", 1, 0) == 7).all()


def test_saving_again_replaces_the_whole_point(tmp_path):
    store = Store(tmp_path)
    store.save(record(), data(1))
    store.save(record(status="failed"), None)
    loaded = store.load("abc")
    assert loaded is not None
    assert (loaded.status, loaded.files) == ("failed", [])
    store.save(record(), data(2))
    assert (store.frames("abc", 0, 0) == 2).all()
    assert [p.name for p in store.points.iterdir() if p.name != ".locks"] == ["abc"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "record.json").write_text('{"schema": 1, "id'),
        lambda folder: (folder / "record.json").write_text("[]"),
        lambda folder: (folder / "metrics.parquet").unlink(),
        lambda folder: write_json(folder / "record.json", {"schema": 99}),
        lambda folder: (folder / "record.json").write_text(
            (folder / "record.json").read_text().replace('"abc"', '"xyz"')
        ),
    ],
    ids=["truncated", "no object", "file missing", "other schema", "foreign"],
)
def test_a_damaged_point_is_named_and_counts_as_absent(tmp_path, caplog, damage):
    store = Store(tmp_path)
    store.save(record(), data())
    damage(store.folder("abc"))
    assert store.load("abc") is None
    assert "record.json cannot be used" in caplog.text


def test_a_write_that_fails_leaves_nothing(tmp_path):
    store = Store(tmp_path)
    broken = PointData([], [], [], [], {(0, 0): np.zeros((2, 2), dtype=object)}, mp4=False)
    with pytest.raises(SafetensorError):
        store.save(record(), broken)
    assert store.load("abc") is None
    assert list(store.points.iterdir()) == []


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["metrics.parquet", "videos/000-0.safetensors", "record.json"])
def test_a_file_with_one_changed_byte_is_named_and_counts_as_absent(tmp_path, caplog, name):
    store = Store(tmp_path)
    store.save(record(), data())
    path = store.folder("abc") / name
    content = bytearray(path.read_bytes())
    place = content.index(b"toy") if name == "record.json" else len(content) // 2
    content[place] ^= 1
    path.write_bytes(content)
    assert store.load("abc") is None
    assert f"{name} is not what was written" in caplog.text


def test_a_folder_that_somebody_has_put_there_is_no_point(tmp_path, caplog):
    store = Store(tmp_path)
    store.save(record(), data())
    (store.folder("abc") / "SHA256SUMS").unlink()
    assert store.load("abc") is None
    assert "SHA256SUMS" in caplog.text


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    store = Store(tmp_path)
    store.save(record(), data())
    for name in (".abc-x1", ".old-abc-x2", ".other-x3"):
        (store.points / name / "point").mkdir(parents=True)
    with store.lock("abc"):
        left = sorted(path.name for path in store.points.iterdir())
    assert left == [".locks", ".other-x3", "abc"]
    assert [r.id for r in store.records()] == ["abc"]


@pytest.mark.parametrize("left", [0, 1])
def test_digests_that_do_not_cover_every_file_are_none(tmp_path, left, caplog):
    store = Store(tmp_path)
    saved = store.save(record(), data())
    sums = store.folder(saved.id) / "SHA256SUMS"
    sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:left]))
    assert store.load(saved.id) is None
    assert "has no digest in SHA256SUMS" in caplog.text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timing", []),
        ("quality", None),
        ("prompts", "one"),
        ("seeds", ["0"]),
        ("status", "done"),
        ("is_baseline", 1),
        ("error", "it failed"),
        ("inputs", [5]),
        ("id", 5),
    ],
)
def test_a_record_with_a_field_of_another_kind_is_none(tmp_path, caplog, key, value):
    store = Store(tmp_path)
    saved = store.save(record(), data())
    folder = store.folder(saved.id)
    write_json(folder / "record.json", {**saved.to_json(), key: value})
    write_digests(folder)
    assert store.load(saved.id) is None
    assert f"fields of another kind: {key}" in caplog.text


def test_without_looking_at_all_files_the_record_is_looked_at(tmp_path, caplog):
    store = Store(tmp_path)
    saved = store.save(record(), data())
    path = store.folder(saved.id) / "record.json"
    path.write_text(path.read_text().replace('"steps": 2', '"steps": 3'))
    assert store.load(saved.id, verify=False) is None
    assert list(store.records()) == []
    assert "record.json is not what was written" in caplog.text


@pytest.mark.parametrize("kind", ["file", "empty folder"])
def test_what_is_no_point_is_replaced_by_one(tmp_path, caplog, kind):
    store = Store(tmp_path)
    store.points.mkdir()
    place = store.folder("abc")
    place.touch() if kind == "file" else place.mkdir()
    assert store.load("abc") is None
    assert "cannot be used" in caplog.text
    saved = store.save(record(), data())
    assert store.load("abc") == saved
    assert [path.name for path in store.points.iterdir()] == ["abc"]
