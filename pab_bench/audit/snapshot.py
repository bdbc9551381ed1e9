"""How a pipeline looks from outside: forwards, hooks, processors and classes, to be compared.

What an acceleration attaches is seen so, whatever it is; and what it leaves behind can be removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

_MISSING: Any = object()
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
_ATTRIBUTES = ("forward", "processor", "_call_impl", "__call__")


@dataclass(frozen=True)
class _Own:
    """What of one object may be replaced, by attribute."""

    kind: type
    attributes: Mapping[str, Any]
    hooks: Mapping[str, Mapping[int, Any]]


class Snapshot:
    """A pipeline and its transformers as they are now.

    Args:
        pipeline: the pipeline.
        transformers: the modules that it calls.
    """

    def __init__(self, pipeline: Any, transformers: Sequence[nn.Module]) -> None:
        self._objects: dict[str, Any] = dict(_named(pipeline, transformers))
        self._own = {name: _look(found) for name, found in self._objects.items()}
        kinds = {kind for found in self._objects.values() for kind in type(found).__mro__[:-1]}
        self._kinds = {kind: _of_class(kind) for kind in kinds}

    def changed(self) -> list[str]:
        """Names of what is not now as it was: modules, the pipeline, classes."""
        objects = [
            name for name, found in self._objects.items() if _differs(_look(found), self._own[name])
        ]
        kinds = [f"class {k.__name__}" for k, own in self._kinds.items() if _of_class(k) != own]
        return objects + sorted(kinds)

    def changed_modules(self) -> set[int]:
        """The `id` of every module that is not now as it was."""
        names = set(self.changed())
        return {id(found) for name, found in self._objects.items() if name in names}

    def restore(self) -> None:
        """Make all of it as it was."""
        for name, found in self._objects.items():
            before, now = self._own[name], _look(found)
            if not _differs(now, before):
                continue
            if type(found) is not before.kind:
                found.__class__ = before.kind
            for key in _ATTRIBUTES:
                value = before.attributes.get(key, _MISSING)
                if value is not _MISSING:
                    found.__dict__[key] = value
                else:
                    found.__dict__.pop(key, None)
            for key, hooks in before.hooks.items():
                own = found.__dict__[key]
                for number in set(own) - set(hooks):
                    del own[number]
        for kind, own in self._kinds.items():
            for key, value in own.items():
                if _of_class(kind).get(key, _MISSING) is not value:
                    setattr(kind, key, value)
            for key in set(_of_class(kind)) - set(own):
                delattr(kind, key)


def _named(pipeline: Any, transformers: Sequence[nn.Module]) -> Iterator[tuple[str, Any]]:
    yield type(pipeline).__name__, pipeline
    scheduler = getattr(pipeline, "scheduler", None)
    if scheduler is not None:
        yield type(scheduler).__name__, scheduler
    for index, transformer in enumerate(transformers):
        root = "transformer" if index == 0 else f"transformer_{index + 1}"
        for name, module in transformer.named_modules():
            yield f"{root}.{name}" if name else root, module


def _look(found: Any) -> _Own:
    attributes = {
        key: value
        for key in _ATTRIBUTES
        if (value := found.__dict__.get(key, _MISSING)) is not _MISSING
        and not _is_its_own(found, key, value)
    }
    hooks = {key: dict(found.__dict__[key]) for key in _HOOKS if key in found.__dict__}
    return _Own(type(found), attributes, hooks)


def _is_its_own(found: Any, key: str, value: Any) -> bool:
    """Whether an attribute of an instance is the method that it has by its class anyway."""
    function = getattr(type(found), key, _MISSING)
    return getattr(value, "__self__", None) is found and getattr(value, "__func__", 0) is function


def _differs(one: _Own, other: _Own) -> bool:
    return (
        one.kind is not other.kind
        or one.attributes.keys() != other.attributes.keys()
        or any(one.attributes[key] is not other.attributes[key] for key in one.attributes)
        or any(one.hooks[key].keys() != other.hooks[key].keys() for key in one.hooks)
    )


def _of_class(kind: type) -> dict[str, Any]:
    """What of a class may be replaced so that all of its instances change."""
    return {key: vars(kind)[key] for key in ("forward", "__call__", "step") if key in vars(kind)}
