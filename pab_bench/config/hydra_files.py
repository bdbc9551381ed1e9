"""What Hydra writes down about a run, without the folders of the machine that it was made on."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from pab_bench.config.paths import ROOT
from pab_bench.files import write_text

# Those in C, where PyYAML was built with them: this happens for every point.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PATH = re.compile(r"(?<![\w.~$}\-/])/[^\s'\",;:\]}]+")


def leave_out_places(folder: Path) -> None:
    """Rewrite the YAML files of a folder, in which Hydra says where everything lies.

    A path below the present folder becomes relative to it, one of pab_bench's own or below the home
    folder is told from there, and of any other only the name is left: a run folder can be given
    away, and says nothing about who made it.
    """
    for path in folder.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        if _PATH.search(text) is None:
            continue
        content = _told(yaml.load(text, Loader=_Loader))
        write_text(path, yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def without_places(text: str) -> str:
    """The text with every path of this machine as `leave_out_places` tells it."""
    return _PATH.sub(lambda found: _place(found[0]), text)


def _told(content: Any) -> Any:
    if isinstance(content, str):
        return without_places(content)
    if isinstance(content, dict):
        return {_told(key): _told(value) for key, value in content.items()}
    return [_told(value) for value in content] if isinstance(content, list) else content


def _place(path: str) -> str:
    first = path.split("/")[1]
    if not os.path.lexists(f"/{first}"):  # A prompt may have a slash, too.
        return path
    for place, name in ((Path.cwd(), "."), (ROOT, "pab_bench"), (_home(), "~")):
        if place is not None and Path(path).is_relative_to(place):
            return (name / Path(path).relative_to(place)).as_posix()
    return f".../{Path(path).name}"


def _home() -> Path | None:
    try:
        home = Path.home()
    except RuntimeError:  # Nobody's.
        return None
    return None if home == home.parent else home
