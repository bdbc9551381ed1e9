"""The method of a point in a few words, such as `fora interval=3`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ALWAYS = ("name", "version", "source")
_NO_ARGUMENTS = "{}"
_TOLD = ("inside", "enable")
"""Settings that are shown of a method even if all of its name have the same."""


def method_texts(methods: Sequence[object]) -> list[str | None]:
    """One text per method: its name, and the settings in which those of that name differ.

    Args:
        methods: as identities have them; None in the result for those that are no mapping, which
            are PAB and baselines.

    >>> method_texts(["pab", {"name": "fora", "interval": 2}, {"name": "fora", "interval": 3}])
    [None, 'fora interval=2', 'fora interval=3']
    >>> method_texts([{"name": "fewer_steps", "inside": {"name": "fora", "interval": 2}}])
    ['fewer_steps inside=fora']
    >>> method_texts([{"name": "external", "enable": "my_cache:enable", "audit": True}])
    ['external enable=my_cache:enable']
    """
    known = [_flat(own) if isinstance(own, Mapping) else None for own in methods]
    return [None if own is None else _text(own, known) for own in known]


def method_in_full(method: object) -> str:
    """The method with all of its settings.

    >>> method_in_full({"name": "fora", "version": 1, "interval": 3, "inside": None})
    'fora interval=3'
    """
    if not isinstance(method, Mapping):
        return str(method)
    flat = {k: v for k, v in _flat(method).items() if k not in _ALWAYS and v is not None}
    return " ".join([str(method["name"]), *(f"{k}={_short(v)}" for k, v in flat.items())])


def _flat(method: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    """Settings by key; of a method inside it its name, and its settings with that before them."""
    found: dict[str, Any] = {}
    for key, value in method.items():
        if isinstance(value, Mapping):
            found[f"{within}{key}"] = value["name"]
            inner = {k: v for k, v in value.items() if k not in _ALWAYS}
            found |= _flat(inner, f"{within}{key}.")
        else:
            found[f"{within}{key}"] = value
    return found


def _text(own: Mapping[str, Any], known: Sequence[Mapping[str, Any] | None]) -> str:
    alike = [other for other in known if other is not None and other["name"] == own["name"]]
    differing = [
        f"{key}={_short(value)}"
        for key, value in sorted(own.items(), key=lambda entry: entry[0] != "enable")
        if key not in _ALWAYS
        and value != _NO_ARGUMENTS
        and any(key in other and other[key] != value for other in alike)
    ]
    told = [f"{key}={own[key]}" for key in _TOLD if key in own and not differing]
    return " ".join([str(own["name"]), *told, *differing])


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    text = str(value)
    return text.replace('"', "").replace(" ", "") if text.startswith("{") else text
