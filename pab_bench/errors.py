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


class MetricUndefined(MetricUnavailable):
    """A metric that this video does not have, whatever is installed: the message says why."""


def first_line(error: BaseException) -> str:
    r"""Take the first line of an error's message that says something, or else the error's kind.

    >>> first_line(OSError("\n no route\nto host")), first_line(TimeoutError())
    ('no route', 'TimeoutError')
    """
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)


_MOST_PROBLEMS, _MOST_CHARACTERS = 10, 3000


def report_bad_configuration(error: ConfigError) -> None:
    """Print what is wrong with a configuration, a problem a line, and the first ones if many."""
    lines = str(error).splitlines()
    problems = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    print(f"pab_bench: bad configuration, {problems}:", file=sys.stderr)
    room = _MOST_CHARACTERS
    for number, line in enumerate(lines):
        room -= len(line)
        if number and (number >= _MOST_PROBLEMS or room < 0):
            print(f"  and {len(lines) - number} more", file=sys.stderr)
            break
        print(f"  {line}", file=sys.stderr)
    print("What the keys mean: pab-bench --help", file=sys.stderr)
