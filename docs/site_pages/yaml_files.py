"""What the configuration files say about themselves: their first comments, keys and remarks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_COMMANDS = ("# python -m pab_bench", "# torchrun ")
_REMARK = re.compile(r"^ *(\w+):[^#\n]*#\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class ConfigFile:
    """A file of `conf` or `sweeps`.

    Attributes:
        name: as it is called on the command line.
        command: which uses it.
        text: what it is for: the other comments at its head.
        values: its content.
        remarks: comments beside keys, by the key.
    """

    name: str
    command: str
    text: str
    values: dict[str, Any]
    remarks: dict[str, str]


@cache
def read_file(path: Path) -> ConfigFile:
    """Read a configuration file and its comments."""
    content = path.read_text()
    head = []
    for line in content.splitlines():
        if not line.startswith("#"):
            break
        head.append(line)
    command = next(line for line in head if line.startswith(_COMMANDS))
    others = [line for line in head if line != command and "@package" not in line]
    text = " ".join(line.lstrip("# ") for line in others)
    values = yaml.safe_load(content) or {}
    return ConfigFile(path.stem, command[2:], text, values, dict(_REMARK.findall(content)))


def read_folder(folder: Path) -> list[ConfigFile]:
    """Read the files of a folder, by name."""
    return [read_file(path) for path in sorted(folder.glob("*.yaml"))]


def shown(value: Any) -> str:
    """Write a value as on the command line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).split("\n...")[0].strip()
