"""Several processes of one run, started by torchrun: each samples a share of the videos.

Rank 0 is the run: it composes, decides, measures and keeps. The others wait for work, so that a run
on several ranks is one on a single rank but for who samples what. Only results travel, and they lie
in the host's memory: Gloo carries them also where the devices are GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from pab_bench.errors import ConfigError, PabBenchError

Item = TypeVar("Item")
Function = Callable[..., Any]
_PATIENCE = timedelta(days=30)
"""Ranks wait while rank 0 measures, or waits for another process that makes the same point."""
_OF_TORCHRUN = ("RANK", "MASTER_ADDR", "MASTER_PORT")
_LAST_PORT = 65535
_group: Any = None
"""The processes that `_join` has brought together."""
_heartbeat: Any = None
"""Of this rank, where ranks share videos."""
_lost: list[int] = []
"""Ranks that are known to be gone: nobody waits for them any more."""


def rank() -> int:
    """This process' number among those that torchrun has started; 0 if it has started none.

    `count` has checked it.
    """
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """How many processes torchrun has started; 1 if none.

    Raises:
        ConfigError: if `WORLD_SIZE` says so, but nobody has said where the others are, or what is
            said cannot be: cluster managers set it, too.
    """
    given = os.environ.get("WORLD_SIZE", "1")
    if not given.isdecimal() or int(given) < 1:
        raise ConfigError(f"WORLD_SIZE={given}: must be a number of processes; unset it")
    missing = [name for name in _OF_TORCHRUN if name not in os.environ]
    if int(given) > 1 and missing:
        raise ConfigError(
            f"WORLD_SIZE={given}: {', '.join(missing)} are not set, so that the other processes "
            "cannot be found; start with torchrun, or unset WORLD_SIZE and RANK to run alone"
        )
    if int(given) > 1:
        _check("RANK", 0, int(given) - 1)
        _check("MASTER_PORT", 1, _LAST_PORT)
    return int(given)


def _check(name: str, least: int, most: int) -> None:
    value = os.environ[name]
    if not (value.isdecimal() and least <= int(value) <= most):
        raise ConfigError(
            f"{name}={value}: must be a whole number from {least} to {most}; start with torchrun, "
            "or unset WORLD_SIZE and RANK to run alone"
        )


def share(items: Sequence[Item], own: int, ranks: int) -> Sequence[Item]:
    """What rank `own` of `ranks` does."""
    return items[own::ranks]


@contextmanager
def leading() -> Iterator[None]:
    """Rank 0's work; the other ranks `serve` until it ends."""
    _join()
    import torch.distributed as dist

    try:
        yield
    finally:
        try:
            if _lost:
                raise RuntimeError(_lost_in_words())
            dist.broadcast_object_list([None], src=0, group=_group)
        except RuntimeError:  # The others have gone: interrupted, or killed.
            pass
        else:
            _part()


def serve() -> int:
    """Do rank 0's bidding until it ends; the exit status."""
    _join()
    import torch.distributed as dist

    while True:
        message: list[Any] = [None]
        try:
            dist.broadcast_object_list(message, src=0, group=_group)
        except RuntimeError:  # A rank was killed; torchrun says so, or rank 0.
            return _leave()
        if message[0] is None:
            _part()
            return 0
        function, arguments = message[0]
        try:
            dist.gather_object(_call(function, arguments), None, dst=0, group=_group)
        except RuntimeError:
            return _leave()


def _leave() -> int:
    """End where ranks have lost each other, when rank 0 has seen that this one was not the cause.

    Returns:
        The exit status.
    """
    if _heartbeat is not None:
        _heartbeat.linger()
    return 1


def on_all(function: Function, *arguments: Any) -> list[Any]:
    """Call `function` on every rank with its rank, the number of ranks and `arguments`.

    Args:
        function: can be imported by its name on every rank.
        arguments: can be pickled.

    Returns:
        What each rank has returned, by rank.

    Raises:
        WorkerFailed: for the first rank that failed, after all have ended.
    """
    if count() == 1:
        return [function(0, 1, *arguments)]
    import torch.distributed as dist

    from pab_bench.experiment.failures import WorkerFailed
    from pab_bench.store.failure_kinds import WORKER_KILLED

    results: list[Any] = [None] * count()
    try:
        if _lost:
            raise RuntimeError("it is not waited for")
        dist.broadcast_object_list([(function, arguments)], src=0, group=_group)
        own = _call(function, arguments)
        if own[0] is not None and own[0]["type"] == RankLost.__name__ and _seek_lost():
            raise RuntimeError(own[0]["message"])
        dist.gather_object(own, results, dst=0, group=_group)
    except RuntimeError as error:
        message = f"{_lost_in_words()}: {error}" if _lost or _seek_lost() else str(error)
        failure = {"kind": WORKER_KILLED, "type": RankLost.__name__, "message": message}
        raise WorkerFailed(failure) from error
    failed = [(number, failure) for number, (failure, _) in enumerate(results) if failure]
    # A rank that misses another says nothing of why that one has failed.
    for number, failure in sorted(failed, key=lambda f: f[1]["type"] == RankLost.__name__):
        failure["message"] = f"rank {number}: {failure['message']}"
        raise WorkerFailed(failure)
    return [result for _, result in results]


class RankLost(PabBenchError):
    """Another rank did not answer."""


@contextmanager
def watched() -> Iterator[None]:
    """Let the others see that this rank lives, and name it where a rank is missed.

    Raises:
        RankLost: in place of what a collective raises when another rank does not answer.
    """
    global _heartbeat
    if _heartbeat is None:
        from pab_bench.experiment.heartbeat import Heartbeat

        _heartbeat = Heartbeat(rank())
        _heartbeat.start()
    try:
        yield
    except RuntimeError as error:
        if any(word in str(error) for word in _OF_TRANSPORT):
            raise RankLost(f"another rank did not answer: {str(error).splitlines()[0]}") from error
        raise


_OF_TRANSPORT = ("gloo", "Gloo", "NCCL", "onnection", "imed out", "ocket")
"""What stands in the messages of collectives that have failed."""


def _seek_lost() -> list[int]:
    """Find out which ranks are gone, where ranks can be seen to live."""
    if _heartbeat is not None and not _lost:
        from pab_bench.experiment.heartbeat import lost_ranks

        _lost.extend(lost_ranks(count()))
    return _lost


def _lost_in_words() -> str:
    numbers = ", ".join(map(str, _lost))
    noun, verb = ("rank", "has") if len(_lost) == 1 else ("ranks", "have")
    return f"{noun} {numbers} {verb} died, or {verb} stopped answering"


def _call(function: Function, arguments: Sequence[Any]) -> tuple[dict[str, str] | None, Any]:
    from pab_bench.experiment.failures import describe

    try:
        return None, function(rank(), count(), *arguments)
    except Exception as error:  # It must not keep this rank from meeting the others.
        return describe(error), None


def _join() -> None:
    """Bring the processes together, in a group that nobody else gets hold of.

    Some modules of torch keep the default group for as long as the process lives. Its threads then
    outlive the interpreter, and one that still held a message aborted the process at its end.
    """
    global _group
    import torch
    import torch.distributed as dist

    from pab_bench.experiment.device import take_gpu

    if not dist.is_available():
        raise PabBenchError("this build of torch has no torch.distributed, which torchrun needs")
    take_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    _group = dist.new_group(timeout=_PATIENCE)


def _part() -> None:
    """Take the group apart; returns when the threads that carried its messages have ended."""
    global _group, _heartbeat
    import torch.distributed as dist

    if _heartbeat is not None:
        _heartbeat.stop()
    _group = _heartbeat = None
    dist.destroy_process_group()
