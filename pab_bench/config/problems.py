"""Collects everything that is wrong, so that the user is told once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from pab_bench.errors import ConfigError


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
        """As it is shown."""
        return f"{self.setting}: {self.explanation}"


@dataclass
class Problems:
    """Problems and notices, in the order in which they were found."""

    found: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add(self, key: str, value: object, explanation: str) -> None:
        """Note that `key` cannot have `value`."""
        self.found.append(Problem(f"{key}={show(value)}", explanation))

    def raise_if_any(self) -> None:
        """Raise one `ConfigError` with all problems."""
        if self.found:
            raise InvalidSettings(self.found)


class InvalidSettings(ConfigError):
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


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """` Did you mean 'x'?` if an option is near, else nothing."""
    similar = difflib.get_close_matches(word.lower(), list(options), n=1, cutoff=0.5)
    return f" Did you mean {similar[0]!r}?" if similar else ""


def one_of(options: Iterable[str]) -> str:
    """`one of a, b, c`."""
    return f"one of {', '.join(options)}"
