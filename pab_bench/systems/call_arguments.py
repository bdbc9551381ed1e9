"""Further arguments of a pipeline's own call, as `model.call` has them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CallArguments:
    """Names with plain values: numbers, texts, switches, null, lists and mappings of these.

    Kept as text, so that settings that have them can be compared and be keys.

    Attributes:
        text: JSON with sorted keys.

    Example:
        >>> CallArguments.of({"fps": 8}).values()
        {'fps': 8}
    """

    text: str = "{}"

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> CallArguments:
        """Make them of a mapping; None = none."""
        return cls(json.dumps(dict(values or {}), sort_keys=True, ensure_ascii=False))

    def values(self) -> dict[str, Any]:
        """The arguments by name, made anew at every call."""
        content: dict[str, Any] = json.loads(self.text)
        return content

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.text != "{}"

    def __str__(self) -> str:
        """For messages and tables: `{fps: 8, sigmas: [1, 0.5]}`."""
        shown = (f"{name}: {_shown(value)}" for name, value in self.values().items())
        return f"{{{', '.join(shown)}}}"


NO_ARGUMENTS = CallArguments()


def is_plain(value: object) -> bool:
    """Whether a value may be given to a pipeline's call."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(own) for key, own in value.items())
    return value is None or isinstance(value, str | int)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
