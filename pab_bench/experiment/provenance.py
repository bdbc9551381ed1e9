"""What made a number: versions, device, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from pab_bench.experiment.arithmetic import processor
from pab_bench.experiment.device import device_kind

_PACKAGES = (
    "pab_bench",
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "numpy",
    "lpips",
    "scikit-image",
)
_DECISIVE = ("torch", "diffusers", "transformers")
"""Packages whose version can change a sampled video, so that it belongs to a point's identity."""


@cache
def versions() -> dict[str, str]:
    """Installed versions of the packages that take part."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def decisive_versions() -> dict[str, str]:
    """The versions that belong to a point's identity."""
    return {name: versions()[name] for name in _DECISIVE if name in versions()}


@cache
def git_commit() -> str | None:
    """The commit of the checkout that the code runs from, `-dirty` if it was changed, or None."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def provenance(device: str, dtype: str) -> dict[str, Any]:
    """Everything about this process that a reader of its numbers may ask."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "device": device_kind(device),
        "dtype": dtype,
        "cpu": processor(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "git_commit": git_commit(),
    }
