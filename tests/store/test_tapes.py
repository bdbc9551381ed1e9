import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pab_bench.store import tapes
from pab_bench.store.tapes import TapedCall, TapeStore

SITES = [("spatial", 0, 128), ("cross", 1, 0)]


def call(value=1.0, size=100, dtype=torch.bfloat16):
    tensors = [[torch.full((2, size), value, dtype=dtype)], [torch.zeros(1), torch.ones(3)]]
    return TapedCall(tensors, bare=False, seconds=0.25, sites=SITES)


def test_a_call_comes_back_as_it_was(tmp_path):
    store = TapeStore(tmp_path, 10**9)
    store.save("video", "a", call(3.0))
    back = store.load("video", "a")
    assert (back.bare, back.seconds, back.sites) == (False, 0.25, SITES)
    for ours, theirs in zip(back.outputs, call(3.0).outputs, strict=True):
        assert [t.dtype for t in ours] == [t.dtype for t in theirs]
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert back.bytes == 2 * 100 * 2 + 4 + 12


def test_known_calls_are_counted_up_to_the_first_gap(tmp_path):
    store = TapeStore(tmp_path, 10**9)
    for digest in ("a", "b", "d"):
        store.save("video", digest, call())
    assert store.known("video", ["a", "b", "c", "d"]) == 2
    assert store.known("video", ["a", "b"]) == 2
    assert store.known("other", ["a", "b"]) == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-5],
        lambda content: content[:40],
        lambda content: b"",
        lambda content: b"something else altogether",
        lambda content: content[:-3] + bytes([content[-3] ^ 255]) + content[-2:],
    ],
    ids=["truncated", "header only", "empty", "foreign", "one byte changed"],
)
def test_a_damaged_file_is_named_and_removed(tmp_path, caplog, damage):
    store = TapeStore(tmp_path, 10**9)
    store.save("video", "a", call())
    path = store.path("video", "a")
    path.write_bytes(damage(path.read_bytes()))
    assert store.load("video", "a") is None
    assert f"{path} cannot be used" in caplog.text
    assert not path.exists()


def used(store):
    return sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())


def test_the_disk_is_bounded_and_what_is_in_use_stays(tmp_path):
    store = TapeStore(tmp_path, 20_000)
    store.save("video", "first", call())
    for number in range(60):
        store.save("video", f"{number:02d}", call(size=200))
        assert used(store) <= 20_000
        assert store.load("video", "first") is not None
        # The order is that of the files' times, which have to differ.
        later = store.path("video", f"{number:02d}").stat().st_mtime_ns + 10**6 * number
        os.utime(store.path("video", "first"), ns=(later + 10**9, later + 10**9))
    assert store.load("video", "59") is not None
    assert store.load("video", "00") is None


def test_another_process_starts_from_what_is_there(tmp_path):
    TapeStore(tmp_path, 10**9).save("video", "a", call(size=5_000))
    store = TapeStore(tmp_path, 22_000)
    store.save("video", "b", call(size=500))
    assert used(store) <= 22_000
    assert store.load("video", "b") is not None


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = TapeStore(tmp_path, 10**9)
    monkeypatch.setattr(tapes.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.save("video", "a", call())
    assert [path for path in Path(tmp_path).rglob("*") if path.is_file()] == []


def test_all_can_be_removed(tmp_path):
    store = TapeStore(tmp_path, 10**9)
    assert not store.clear()
    store.save("video", "a", call())
    assert store.clear()
    assert not store.folder.exists()


@pytest.mark.parametrize("other", [("video", "b"), ("another", "a")])
def test_a_tape_is_played_at_its_own_address_only(tmp_path, caplog, other):
    store = TapeStore(tmp_path, 10**9)
    store.save("video", "a", call(1.0))
    store.save(*other, call(2.0))
    here, there = store.path("video", "a"), store.path(*other)
    mine, theirs = here.read_bytes(), there.read_bytes()
    here.write_bytes(theirs)
    there.write_bytes(mine)
    assert store.load("video", "a") is None
    assert store.load(*other) is None
    assert f"it is the tape of {'/'.join(other)}" in caplog.text
    assert not here.exists()
    assert not there.exists()


@pytest.mark.parametrize("key", ["seconds", "sites", "bare", "address"])
def test_all_that_a_tape_says_is_proven(tmp_path, caplog, key):
    store = TapeStore(tmp_path, 10**9)
    store.save("video", "a", call())
    path = store.path("video", "a")
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    said = {"seconds": 0.5, "sites": [["spatial", 0, 64]], "bare": True, "address": "video/b"}
    save_file(tensors, path, {**about, key: json.dumps(said[key])})
    assert store.load("video", "a") is None
    assert "not what was written" in caplog.text


def test_a_tape_of_before_is_no_fault_and_is_computed_again(tmp_path, caplog):
    store = TapeStore(tmp_path, 10**9)
    path = store.path("video", "a")
    path.parent.mkdir(parents=True)
    save_file({"0.0": torch.zeros(1)}, path, {"version": '"1"'})
    assert store.load("video", "a") is None
    assert caplog.text == ""
    assert not path.exists()


def test_a_folder_among_tapes_does_no_harm(tmp_path):
    store = TapeStore(tmp_path, 20_000)
    store.path("video", "a").mkdir(parents=True)
    assert store.load("video", "a") is None
    (store.folder / "video" / "folder" / "in it").mkdir(parents=True)
    for number in range(60):
        store.save("video", f"{number:02d}", call(size=200))
    assert used(store) <= 20_000
