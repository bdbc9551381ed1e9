"""Calibrations that no model was sampled for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pab_bench.files import write_sealed_json
from pab_bench.methods.calibration_file import FORMAT, timesteps_digest

TIMESTEPS = (900, 600, 300, 0)


def content(method: str = "magcache", **fit: Any) -> dict[str, Any]:
    """What a file says, of four calls of `latte_mini`."""
    return {
        "format": FORMAT,
        "method": method,
        "model": {
            "name": "latte_mini",
            "system": "latte",
            "weights": "aa" * 32,
            "frames": 16,
            "height": 64,
            "width": 64,
        },
        "sampling": {
            "steps": 4,
            "calls": 4,
            "lanes": 1,
            "guidance": 4.0,
            "timesteps": timesteps_digest(TIMESTEPS),
        },
        "videos": {"prompts": ["a cat", "a dog"], "held_out": ["a bird"], "seeds": [0]},
        "fit": fit or {"ratios": [[1.0, 0.99, 0.98, 0.97]]},
    }


def written(path: Path, method: str = "magcache", **fit: Any) -> Path:
    """The same as a file."""
    return write_sealed_json(path, content(method, **fit))
