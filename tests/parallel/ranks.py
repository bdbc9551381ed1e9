"""Runs a function on several ranks, forked from this process, so that nothing is imported anew."""

import multiprocessing
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = timedelta(seconds=60)


def on_ranks(ranks: int, folder: Path, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `function(rank, *arguments)` returns on each rank, by rank; fails if one does."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    meeting = folder / f"meeting-{ranks}-{function.__name__}"

    def run(rank: int) -> None:
        torch.set_num_threads(1)  # A fork has none of its parent's threads.
        try:
            init = f"file://{meeting}"
            dist.init_process_group("gloo", init, PATIENCE, world_size=ranks, rank=rank)
            result = function(rank, *arguments)
            dist.destroy_process_group()
        except Exception:
            result = RuntimeError(traceback.format_exc())
        results.put((rank, result))

    processes = [context.Process(target=run, args=(rank,), daemon=True) for rank in range(ranks)]
    for process in processes:
        process.start()
    found = dict(results.get() for _ in processes)
    for process in processes:
        process.join(timeout=PATIENCE.total_seconds())
    for result in found.values():
        if isinstance(result, RuntimeError):
            raise result
    return [found[rank] for rank in range(ranks)]
