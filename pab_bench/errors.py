"""The exceptions that pab_bench raises on purpose, the exit statuses, and how both are told."""

from __future__ import annotations

import sys

OK, FAILED, BAD_CONFIGURATION, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses of every command."""


class PabBenchError(Exception):
    """Base of every error that pab_bench raises on purpose."""


class ConfigError(PabBenchError):
    """A setting that cannot be obeyed: the message names field, rule, value and a fix."""


class MetricUnavailable(PabBenchError):
    """A metric that cannot be computed here: the message says what is missing."""


def report_bad_configuration(error: ConfigError) -> None:
    """Print what is wrong with a configuration, a problem a line."""
    lines = str(error).splitlines()
    problems = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    shown = [f"pab_bench: bad configuration, {problems}:", *(f"  {line}" for line in lines)]
    print(*shown, "What the keys mean: pab-bench --help", sep="\n", file=sys.stderr)
