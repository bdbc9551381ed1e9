"""Refuses YAML that grows: aliases of aliases make a few lines larger than the memory."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import yaml

from pab_bench.problems import InvalidSettings, Problem

_DEEPEST = 30
_MOST_ALIASES = 20
_MOST_BYTES = 1_000_000
_MOST_FILES = 1000


class Grows(yaml.YAMLError):
    """YAML with more aliases, or nested deeper, than a configuration needs."""


def refuse_growth(text: str, aliases: int = _MOST_ALIASES) -> None:
    """Read a text event by event, in which an alias is one event, whatever it stands for.

    Args:
        text: of a YAML file.
        aliases: how many there may be.

    Raises:
        YAMLError: if there are more, if it is nested too deeply, or if it is no YAML.
    """
    depth = found = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        found += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if found > aliases:
            raise Grows(f"more than {aliases} aliases")
        if depth > _DEEPEST:
            raise Grows(f"nested more than {_DEEPEST} deep")


def check_folder(folder: Path) -> None:
    """Refuse a folder of configurations with a file that grows.

    What is no YAML, and what nobody asks for, is left to who reads it.

    Raises:
        InvalidSettings: with the first such file.
    """
    for path in islice(folder.rglob("*.yaml"), _MOST_FILES):
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise Grows(f"larger than {_MOST_BYTES} bytes")
            refuse_growth(path.read_text(encoding="utf-8"))
        except Grows as error:
            raise InvalidSettings([Problem(str(path), f"cannot be read: {error}")]) from error
        except (OSError, ValueError, yaml.YAMLError):
            continue
