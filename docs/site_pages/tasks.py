"""The pages of tasks: what each does and its own keys, below what is written by hand."""

from __future__ import annotations

import typing

from pab_bench.config.paths import CONF
from pab_bench.registry import load
from pab_bench.tasks.registry import TASKS
from site_pages.docstrings import documented
from site_pages.markdown import block, code, table
from site_pages.yaml_files import ConfigFile, read_file, shown

_INDEX = """# Tasks

What one command does is its task, `task=NAME`; without one it is `run`. All take the same
[keys](../reference/keys.md), a grid (`-m`) included, and all check everything before anything is
sampled.
"""


def pages() -> dict[str, str]:
    """Write a page for each task, and one of all."""
    files = {name: read_file(CONF / "task" / f"{name}.yaml") for name in TASKS}
    rows = [(f"[`{name}`]({name}.md)", file.text) for name, file in files.items()]
    found = {"docs/tasks/index.md": f"{_INDEX}\n{table(('task', 'what it is for'), rows)}\n"}
    for name, file in files.items():
        found[f"docs/tasks/{name}.md"] = _page(name, file)
    return found


def _page(name: str, file: ConfigFile) -> str:
    done = documented(load(TASKS[name].run))
    parts = [f"# `task={name}`", file.text, block("bash", [file.command]), "## What is done"]
    parts.append(done.markdown())
    if "Returns" in done.sections:
        parts.append(" ".join(done.sections["Returns"].split()))
    own = _own_keys(name, file)
    if own:
        parts += ["## Its keys", table(("key", "default", "meaning"), own)]
    return "\n\n".join(parts) + "\n"


def _own_keys(name: str, file: ConfigFile) -> list[tuple[str, str, str]]:
    """The keys that the task's file sets, each with its remark there or its class's."""
    from site_pages.keys import keys

    meanings = {key.name: key.meaning for key in keys()}
    rows = []
    for key, value in file.values.items():
        if key == "task":
            continue
        inner = value if isinstance(value, dict) else {"": value}
        for part, default in typing.cast("dict[str, object]", inner).items():
            full = f"{key}.{part}" if part else key
            rows.append((code(full), code(shown(default)), meanings[full]))
    return rows
