"""The method of a point in a few words, such as `fora interval=3`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ALWAYS = ("name", "version", "source")
_OWN = "own"
"""The value of a setting that others have published, where somebody has chosen another."""
_CALIBRATED = ("ratios", "coefficients", "range")
"""What a calibration says, and its name stands for."""
_NO_ARGUMENTS = "{}"
_TOLD = ("inside", "enable")
"""Settings that are shown of a method even if all of its name have the same."""


def method_texts(methods: Sequence[object]) -> list[str | None]:
    """One text per method: its name, and the settings in which those of that name differ.

    A setting that is somebody's own choice, in place of what was published, is always told.

    Args:
        methods: as identities have them; None in the result for those that are no mapping, which
            are PAB and baselines.

    >>> method_texts(["pab", {"name": "fora", "interval": 2}, {"name": "fora", "interval": 3}])
    [None, 'fora interval=2', 'fora interval=3']
    >>> method_texts([{"name": "fewer_steps", "inside": {"name": "fora", "interval": 2}}])
    ['fewer_steps inside=fora']
    >>> method_texts([{"name": "adacache", "codebook": "own"}])
    ['adacache codebook=own']
    >>> method_texts([{"name": "magcache", "ratios": [1, 0.99], "calibration": "mine-1a2b3c"}])
    ['magcache (own calibration)']
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
    if "calibration" in flat:
        flat = {k: v for k, v in flat.items() if k not in _CALIBRATED}
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
    calibrated = own.get("calibration") is not None
    known_by_name = (*_ALWAYS, *(_CALIBRATED if calibrated else ()))
    alike = [other for other in known if other is not None and other["name"] == own["name"]]
    differing = [
        f"{key}={_short(value)}"
        for key, value in sorted(own.items(), key=lambda entry: entry[0] != "enable")
        if key not in known_by_name
        and value != _NO_ARGUMENTS
        and (value == _OWN or any(key in other and other[key] != value for other in alike))
    ]
    name = f"{own['name']} (own calibration)" if calibrated else str(own["name"])
    told = [f"{key}={own[key]}" for key in _TOLD if key in own and not differing]
    return " ".join([name, *told, *differing])


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    text = str(value)
    return text.replace('"', "").replace(" ", "") if text.startswith("{") else text
