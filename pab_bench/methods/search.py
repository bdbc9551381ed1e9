"""Along which key a method is searched from a mild setting to a strong one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Search:
    """Values of one key by rising strength: each reuses at least as much as the one before.

    Attributes:
        key: of the method.
        values: from the mildest to the strongest.
        of_steps: whether they are shares of the baseline's denoising steps.
    """

    key: str
    values: Sequence[float]
    of_steps: bool = False

    def settings(self, kind: type[_Kind], steps: int) -> list[_Kind]:
        """The method at each value, its other keys as they are by default; each once.

        Args:
            kind: the class of the method.
            steps: the baseline's denoising steps.
        """
        values = [round(steps * share) for share in self.values] if self.of_steps else self.values
        first: Any = kind(**{self.key: values[0]})
        return [replace(first, **{self.key: value}) for value in dict.fromkeys(values)]


INTERVALS = Search("interval", (2, 3, 4, 5, 6, 8, 10))
"""Of methods that compute at every so manieth call."""
