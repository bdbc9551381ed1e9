"""The method of a point in a few words, such as `fora interval=3`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ALWAYS = ("name", "version")


def method_texts(methods: Sequence[object]) -> list[str | None]:
    """One text per method: its name, and the settings in which those of that name differ.

    Args:
        methods: as identities have them; None in the result for those that are no mapping, which
            are PAB and baselines.

    >>> method_texts(["pab", {"name": "fora", "interval": 2}, {"name": "fora", "interval": 3}])
    [None, 'fora interval=2', 'fora interval=3']
    """
    known = [own if isinstance(own, Mapping) else None for own in methods]
    return [None if own is None else _text(own, known) for own in known]


def _text(own: Mapping[str, Any], known: Sequence[Mapping[str, Any] | None]) -> str:
    alike = [other for other in known if other is not None and other["name"] == own["name"]]
    differing = [
        f"{key}={_short(value)}"
        for key, value in own.items()
        if key not in _ALWAYS and any(other.get(key) != value for other in alike)
    ]
    return " ".join([str(own["name"]), *differing])


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return str(value)
