"""Where the configuration files lie."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parent
"""The folder with `conf/` and `sweeps/`: the package itself in a wheel, else the repository."""
CONF = ROOT / "conf"
SWEEPS = ROOT / "sweeps"
