from __future__ import annotations

import mmap

import numpy as np
import pytest

from pab_bench.probes.memory import PeakMemory

SIZE = 64 * 2**20


def write(size):
    """Pages that the process did not have: an array may lie where a freed one is still resident."""
    np.frombuffer(mmap.mmap(-1, size), dtype=np.uint8).fill(1)


def test_the_process_peak_sees_what_was_only_there_for_a_moment():
    # Twice as much as before, so that it shows even where an earlier peak cannot be forgotten.
    with PeakMemory("cpu") as before:
        write(SIZE)
    with PeakMemory("cpu") as after:
        write(3 * SIZE)
    for memory in (before, after):
        assert memory.values["peak_resident_bytes"] >= memory.values["resident_before_bytes"]
    assert after.values["peak_resident_bytes"] - after.values["resident_before_bytes"] > 2 * SIZE


@pytest.mark.gpu
def test_the_allocator_peak():
    import torch

    with PeakMemory("cuda") as memory:
        torch.zeros(SIZE, dtype=torch.uint8, device="cuda")
    assert memory.values["peak_allocated_bytes"] >= SIZE
    assert memory.values["peak_reserved_bytes"] >= memory.values["peak_allocated_bytes"]
