"""Collects everything that is wrong, so that the user is told once."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from pab_bench.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LONGEST_NAME = 100
_LONGEST_SETTING, _LONGEST_EXPLANATION = 160, 1000
"""Characters that are shown: a value may be a file that was put in the wrong place."""


@dataclass(frozen=True)
class Problem:
    """One setting that cannot be obeyed.

    Attributes:
        setting: the key, with its value if it has one: `spatial_gap=0`.
        explanation: what is allowed, or the contradiction.
    """

    setting: str
    explanation: str

    def __str__(self) -> str:
        """As it is shown: one line, of which the middle is left out where it is long."""
        setting = shortened(self.setting, _LONGEST_SETTING)
        return f"{setting}: {shortened(self.explanation, _LONGEST_EXPLANATION)}"


@dataclass
class Problems:
    """Problems and notices, in the order in which they were found.

    Attributes:
        section: what stands before every key: `tape` for `tape.disk_gb`; empty at the root.
        found: what is wrong.
        notices: what the user should know although it is no error.
    """

    section: str = ""
    found: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add(self, key: str, value: object, explanation: str) -> None:
        """Note that `key` cannot have `value`."""
        name = f"{self.section}.{key}" if self.section else key
        self.found.append(Problem(f"{name}={show(value)}", explanation))

    def choice(self, key: str, value: str | None, options: Collection[str]) -> None:
        """`value` must be among `options`; None means that nothing was said."""
        if value is not None and value not in options:
            self.add(key, value, f"must be {one_of(options)}.{did_you_mean(str(value), options)}")

    def at_least(self, key: str, value: int, least: int) -> None:
        """`value` must not be below `least`."""
        if value < least:
            self.add(key, value, f"must be a whole number of at least {least}")

    def finite(self, key: str, value: float | None, least: float, allowed: str) -> None:
        """`value` must be finite and at least `least`; None means that nothing was said."""
        if value is not None and not (math.isfinite(value) and value >= least):
            self.add(key, value, f"must be a finite number {allowed}")

    def distinct(self, key: str, values: Sequence[object], need: str) -> None:
        """There must be something, and nothing twice."""
        if not values:
            self.add(key, values, f"must have {need}")
        self.no_repeats(key, values)

    def no_repeats(self, key: str, values: Sequence[object]) -> None:
        """Nothing must be there twice."""
        repeated = [value for value in dict.fromkeys(values) if values.count(value) > 1]
        if repeated:
            self.add(key, values, f"has the same value more than once: {show(repeated)}")

    def raise_if_any(self) -> None:
        """Raise one `ConfigError` with all problems."""
        if self.found:
            raise InvalidSettings(self.found)


def check_name(key: str, value: str | None, problems: Problems) -> None:
    """`value` must be usable as the name of a folder, on every system; None means none."""
    if value is not None and not _NAME.fullmatch(value):
        problems.add(key, value, "must be a folder's name of letters, digits, _ . -")
    elif value is not None and len(value) > _LONGEST_NAME:
        problems.add(key, f"{value[:20]}...", f"must have at most {_LONGEST_NAME} characters")


class InvalidSettings(ConfigError, ValueError):
    """Several problems at once; `problems` has them one by one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[InvalidSettings], tuple[tuple[Problem, ...]]]:
        """Exceptions are pickled by their message; this one is made from its problems."""
        return type(self), (self.problems,)


def show(value: object) -> str:
    """A value as it is written on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(show, value))}]"
    return str(value)


def shortened(text: str, most: int) -> str:
    """The text in one line, of which the end is left out if it has more than `most` characters.

    >>> shortened("a very long line", 6)
    'a very... (16 characters)'
    """
    if len(text) > most:
        text = f"{text[:most]}... ({len(text)} characters)"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """` Did you mean 'x'?` if an option is near, else nothing."""
    if len(word) > _LONGEST_NAME:  # It takes time that grows with the square of the length.
        return ""
    similar = difflib.get_close_matches(word.lower(), list(options), n=1, cutoff=0.5)
    return f" Did you mean {similar[0]!r}?" if similar else ""


def one_of(options: Iterable[str]) -> str:
    """`one of a, b, c`."""
    return f"one of {', '.join(options)}"
