"""How a value that is missing is written in every table."""

from __future__ import annotations

MISSING = "\N{EN DASH}"
