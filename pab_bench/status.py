"""Exit statuses, and how a bad configuration is told."""

from __future__ import annotations

import sys

from pab_bench.errors import ConfigError

OK, FAILED, BAD_CONFIGURATION, INTERRUPTED = 0, 1, 2, 130


def report(error: ConfigError) -> None:
    """Print what is wrong with a configuration, a problem a line."""
    lines = str(error).splitlines()
    problems = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    shown = [f"pab_bench: bad configuration, {problems}:", *(f"  {line}" for line in lines)]
    print(*shown, "What the keys mean: pab-bench --help", sep="\n", file=sys.stderr)
