"""What is kept and cannot fit is refused with its bytes; what hardly fits is told."""

from __future__ import annotations

import pytest

from pab_bench.cost.cache_bytes import CacheBytes
from pab_bench.engine.kinds import CROSS, SPATIAL
from pab_bench.experiment import room as room_module
from pab_bench.experiment.point import make_point
from pab_bench.experiment.room import NoRoom, Room, room_of
from pab_bench.experiment.session import open_session

GIB = 2**30
CACHE = CacheBytes(3 * GIB, {SPATIAL: 2 * GIB, CROSS: GIB}, (3 * GIB,))


def test_enough_room_is_not_worth_a_word(settings_of):
    assert Room("cuda:0", 8 * GIB, 3 * GIB, GIB).check(CACHE, settings_of()) is None


def test_what_may_not_fit_is_told(settings_of):
    said = Room("cuda:0", 8 * GIB, 2 * GIB, GIB).check(CACHE, settings_of())
    assert said.startswith(
        "there may be no room for what is kept: the plan keeps 3 GiB (3221225472"
    )
    assert "of output at once (spatial 2 GiB, cross 1 GiB)" in said
    assert "cuda:0 has 8 GiB, of which weights take 1 GiB and 2 GiB are free" in said
    assert "cache.dtype=bfloat16 or float8_e4m3fn" in said
    assert "cache.device=cpu" in said
    assert "spatial_block" in said


def test_what_cannot_fit_is_refused(settings_of):
    settings = settings_of("cache.dtype=float8_e4m3fn", "broadcast_object=scores")
    with pytest.raises(NoRoom, match="no room for what is kept") as caught:
        Room("cpu", 4 * GIB - 1, 2 * GIB, GIB).check(CACHE, settings)
    assert "cache.dtype" not in str(caught.value)
    assert "cache.device" not in str(caught.value)
    assert "broadcast_object=output or ungated" in str(caught.value)


def test_the_memory_of_the_host(settings_of):
    transformer = open_session(settings_of()).sampler.architecture.transformer
    room = room_of("cpu", [transformer])
    assert 0 < room.free <= room.total
    assert room.weights == sum(own.nbytes for own in transformer.parameters())
    assert room_of("mps") is None


def test_scores_without_room_are_refused_before_anything_is_sampled(
    settings_of, tmp_path, monkeypatch
):
    # The machine is replaced, not what is tested: no real one is so small.
    small = Room("cpu", 10_000, 9_000)
    monkeypatch.setattr(room_module, "room_of", lambda device, transformers: small)
    settings = settings_of("spatial_gap=2", "broadcast_object=scores")
    record = make_point(settings, tmp_path / "run").record
    assert record.status == "failed"
    assert record.error["type"] == "NoRoom"
    assert record.error["kind"] == "out_of_memory"
    assert " bytes) of scores at once (spatial " in record.error["message"]
