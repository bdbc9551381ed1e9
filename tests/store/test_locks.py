"""Locks between processes, with `flock` and without."""

import errno
import fcntl
import multiprocessing
import os
import signal
import socket
import time

import pytest

from pab_bench.names import LOCKS
from pab_bench.store.locks import MISSED, LocksUnavailable, held
from pab_bench.store.points import Store

BEAT_S = 0.2
CONTEXT = multiprocessing.get_context("spawn")


def _count_up(folder, kind, repeats):
    for _ in range(repeats):
        with held(folder / "it", kind, BEAT_S):
            count = int((folder / "count").read_text())
            time.sleep(0.001)
            (folder / "count").write_text(str(count + 1))


def _hold(folder, kind):
    with held(folder / "it", kind, BEAT_S):
        (folder / "held").touch()
        time.sleep(600)


def _holder(folder, kind):
    """A process that holds the lock."""
    process = CONTEXT.Process(target=_hold, args=(folder, kind))
    process.start()
    while not (folder / "held").exists():
        assert process.is_alive()
        time.sleep(0.01)
    return process


def _waited(folder, kind):
    began = time.monotonic()
    with held(folder / "it", kind, BEAT_S):
        return time.monotonic() - began


@pytest.mark.parametrize("kind", LOCKS)
def test_one_process_at_a_time(tmp_path, kind):
    (tmp_path / "count").write_text("0")
    workers = [CONTEXT.Process(target=_count_up, args=(tmp_path, kind, 20)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert (tmp_path / "count").read_text() == "60"


@pytest.mark.parametrize("kind", LOCKS)
def test_the_lock_of_a_killed_process_is_free(tmp_path, kind):
    holder = _holder(tmp_path, kind)
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert _waited(tmp_path, kind) < MISSED * BEAT_S


def test_a_living_owner_is_waited_for_however_long(tmp_path):
    holder = _holder(tmp_path, "create")
    waiting = CONTEXT.Process(target=_waited, args=(tmp_path, "create"))
    waiting.start()
    waiting.join(3 * MISSED * BEAT_S)
    assert waiting.is_alive()  # Heartbeats come: nothing is taken over.
    holder.terminate()
    waiting.join(60)
    assert waiting.exitcode == 0


@pytest.mark.parametrize(
    "content",
    [
        "filelock/2\npid=1\nhost=elsewhere\nmode=lease\ntoken=abc\nduration={lease!r}\n",
        "",
        "something else",
    ],
    ids=["another machine's", "not signed", "damaged"],
)
def test_without_heartbeats_a_lock_is_taken_over(tmp_path, content):
    assert socket.gethostname() != "elsewhere"
    (tmp_path / "it.lease").write_text(content.format(lease=MISSED * BEAT_S))
    assert _waited(tmp_path, "create") >= (MISSED - 1) * BEAT_S
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_there_is_no_flock_the_message_names_the_setting(tmp_path, monkeypatch, code):
    def unavailable(descriptor, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", unavailable)
    with pytest.raises(LocksUnavailable, match=r"store\.locks=flock: .*store\.locks=create"):
        _waited(tmp_path, "flock")
    assert _waited(tmp_path, "create") < MISSED * BEAT_S
    store = Store(tmp_path / "results", "create")
    with store.lock("abc"):
        pass
    with pytest.raises(LocksUnavailable), Store(tmp_path / "results").lock("abc"):
        pass
