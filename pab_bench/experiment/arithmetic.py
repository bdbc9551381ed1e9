"""What decides how sums are rounded on a device, beside versions and settings.

The same video sampled by one thread and by two differs in the last digits, and so do processors
with other instructions: their points are points of their own.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from pab_bench.errors import ConfigError

_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_DYNAMIC",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""With which users choose other kernels of torch and the libraries under it."""


def use_threads(wanted: int | None) -> None:
    """Compute with `wanted` threads; None = as many as the process began with."""
    _own_threads()
    torch.set_num_threads(wanted or _own_threads())


def arithmetic(device: str, threads: int | None = None) -> dict[str, Any]:
    """What of this machine and process changes a video's last digits, as plain JSON.

    Args:
        device: where it is sampled: `cpu`, `mps`, `cuda` or `cuda:N`.
        threads: with how many; None = as many as the process began with. Of no matter on a GPU.

    Returns:
        `processor`, `instructions` and `threads` on a CPU; nothing of it on a GPU, whose name is
        known besides; `variables` where the environment chooses kernels.
    """
    found: dict[str, Any] = {}
    if device == "cpu":
        found = {
            "processor": processor(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": threads or _own_threads(),
        }
    variables = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    return {**found, "variables": variables} if variables else found


def check_same_arithmetic(identity: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise `ConfigError` unless this process rounds as the one that decides for all ranks."""
    theirs = identity.get("arithmetic", {})
    if theirs != own:
        raise ConfigError(
            f"the ranks of one run must round alike, but rank 0 has {_words(theirs)} and this one "
            f"{_words(own)}; start them on equal processors, and set threads=N"
        )


@cache
def processor() -> str:
    """The name of the processor."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def _own_threads() -> int:
    return int(torch.get_num_threads())


def _words(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in content.items()) or "nothing said"
