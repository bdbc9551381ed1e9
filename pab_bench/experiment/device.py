"""Which device a process computes on, and its clock."""

from __future__ import annotations

import time
from collections.abc import Iterable

import torch

from pab_bench.errors import ConfigError

_own_gpu: int | None = None


def take_gpu(number: int) -> None:
    """Give this process a GPU of its own, which `device=auto` then means.

    A process keeps the first one: a worker that is given several jobs has its model there.

    Args:
        number: of the worker, rank or job; taken modulo the number of GPUs.
    """
    global _own_gpu
    if _own_gpu is None and torch.cuda.is_available():
        _own_gpu = number % torch.cuda.device_count()


def resolve_device(device: str) -> str:
    """`auto` is the GPU if there is one, otherwise the CPU.

    Raises:
        ConfigError: if the device asked for is not here.
    """
    if device == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        return "cuda" if _own_gpu is None else f"cuda:{_own_gpu}"
    kind, _, index = device.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ConfigError(f"device={device}: torch sees {count} CUDA devices; use auto or cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device={device}: torch sees no Metal device; use auto or cpu")
    return device


def check_devices(devices: Iterable[str]) -> None:
    """Raise `ConfigError` unless all of these devices are here."""
    for device in dict.fromkeys(devices):
        resolve_device(device)


def clock(device: str) -> float:
    """Seconds, after the device has done what it was asked to."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()


def device_kind(device: str) -> str:
    """`cpu`, `mps`, or the GPU's name: results are comparable within a kind."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
