"""Things by name, each imported only when somebody asks for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from pab_bench.errors import ConfigError
from pab_bench.imports.garbage import without_gc
from pab_bench.problems import did_you_mean

T = TypeVar("T")


class Registry(Mapping[str, str], Generic[T]):
    """A mapping of names to addresses, `module:attribute`, that loads what they name.

    A new entry is one line; nothing is imported before it is asked for.

    Args:
        what: what its entries are, for messages: `metric`.
        entries: name to address.

    Example:
        >>> Registry("number", {"pi": "math:pi"}).load("pi")
        3.141592653589793
    """

    def __init__(self, what: str, entries: Mapping[str, str]) -> None:
        self.what = what
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, name: str) -> T:
        """Import and return what `name` stands for.

        Raises:
            ConfigError: if there is no such entry; it suggests the nearest name and lists all.
        """
        if name not in self._entries:
            raise ConfigError(unknown(self.what, name, self._entries))
        return cast("T", load(self._entries[name]))


def unknown(what: str, name: str, options: Mapping[str, Any]) -> str:
    """Tell that there is no `what` called `name`, which is near, and which there are."""
    suggestion = did_you_mean(name, options)
    return f"Unknown {what} {name!r}.{suggestion} Available: {', '.join(options)}"


def load(address: str) -> Any:
    """Import and return what `module:attribute` names."""
    place, _, name = address.partition(":")
    module = sys.modules.get(place)
    if module is None:
        # Only here: what is alive afterwards is never looked at as garbage again.
        with without_gc():
            module = importlib.import_module(place)
    return getattr(module, name)
