"""What goes wrong is recognised, named and kept as a row."""

import errno
import fcntl

import numpy as np
import pytest
import torch

from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.experiment import sampling
from pab_bench.experiment.failures import (
    BlackVideo,
    ConstantVideo,
    DiskFull,
    WorkerFailed,
    check_frames,
    describe,
    kind_of,
)
from pab_bench.experiment.point import make_point
from pab_bench.experiment.session import open_session
from pab_bench.store import points


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 99 bytes"), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk_full"),
        (OSError(errno.EACCES, "Permission denied"), "other"),
        (PabBenchError("something"), "other"),
        (BlackVideo("dark"), "black_video"),
    ],
)
def test_kinds(error, kind):
    assert kind_of(error) == kind
    assert describe(error) == {
        "kind": kind,
        "type": type(error).__name__,
        "message": str(error) or type(error).__name__,
    }


def test_what_went_wrong_in_another_process_is_told_as_there():
    failure = describe(MemoryError("too large"))
    assert describe(WorkerFailed(failure)) == failure


def video(value):
    return np.full((2, 8, 8, 3), value, dtype=np.uint8)


def test_videos_that_show_nothing():
    with pytest.raises(BlackVideo, match="it is black"):
        check_frames(video(1), "it")
    frames = video(127)
    frames[0, 0, 0, 0] = 128
    with pytest.raises(ConstantVideo, match="it is constant: all values lie from 127 to 128"):
        check_frames(frames, "it")
    # Dark, or nearly of one colour, but something.
    for frames in (video(0), video(200)):
        frames[1, 3] = 5
        check_frames(frames, "it")


@pytest.fixture
def failing_point(settings_of, tmp_path):
    settings = settings_of("spatial_gap=2")

    def make():
        return make_point(settings, tmp_path / "run").record

    return make


def test_a_transformer_that_gives_nan(failing_point, settings_of):
    transformer = open_session(settings_of()).sampler.pipeline.transformer
    with torch.no_grad():
        bias = transformer.proj_out.bias
        before = bias[0].item()
        bias[0] = float("nan")
        try:
            record = failing_point()
        finally:
            bias[0] = before
    assert record.status == "failed"
    assert record.error["kind"] == "not_finite"
    assert "are NaN" in record.error["message"]
    assert "baseline" in record.error["message"]


def test_a_decoder_that_gives_black(failing_point, settings_of, monkeypatch):
    sampler = open_session(settings_of()).sampler
    monkeypatch.setattr(sampler, "decode", lambda latents: video(0))
    record = failing_point()
    assert (record.status, record.error["kind"]) == ("failed", "black_video")
    assert "prompt 0 ('a large red circle" in record.error["message"]


def test_out_of_memory(failing_point, monkeypatch):
    def too_large(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(sampling, "sample_video", too_large)
    record = failing_point()
    assert (record.status, record.error["kind"]) == ("failed", "out_of_memory")


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_the_tapes_go_first(failing_point, settings_of, tmp_path, monkeypatch):
    write = points.PointData.write
    tapes = tmp_path / "results" / "tapes"

    def full_while_there_are_tapes(self, folder):
        if tapes.exists():
            full_disk()
        write(self, folder)

    monkeypatch.setattr(points.PointData, "write", full_while_there_are_tapes)
    assert failing_point().status == "ok"
    assert not list(tapes.rglob("*.safetensors"))


def test_a_full_disk_that_takes_nothing_stops_and_says_where(failing_point, tmp_path, monkeypatch):
    monkeypatch.setattr(points, "write_json", full_disk)
    with pytest.raises(DiskFull, match=f"{tmp_path}.*no space left.*make room"):
        failing_point()
    assert not list((tmp_path / "results" / "points").glob("*/record.json"))


@pytest.fixture
def without_flock(monkeypatch):
    def unavailable(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unavailable)


def test_without_flock_nothing_is_sampled_and_the_message_names_the_setting(
    without_flock, failing_point, monkeypatch
):
    monkeypatch.setattr(sampling, "sample_video", full_disk)
    with pytest.raises(ConfigError, match=r"store\.locks=flock.*store\.locks=create"):
        failing_point()


def test_without_flock_points_are_made_with_locks_that_are_files(
    without_flock, settings_of, tmp_path
):
    settings = settings_of("spatial_gap=2", "store.locks=create")
    assert make_point(settings, tmp_path / "run").record.status == "ok"
    assert list((tmp_path / "results" / "points" / ".locks").iterdir()) == []


def test_locks_that_there_are_not_are_refused(settings_of):
    with pytest.raises(ConfigError, match=r"store\.locks=lockf: must be one of flock, create"):
        settings_of("store.locks=lockf")
