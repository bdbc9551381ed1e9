"""The pages of methods: what each is and its own keys, below what is written by hand."""

from __future__ import annotations

from pab_bench.config.paths import CONF
from pab_bench.methods.registry import METHODS
from site_pages.docstrings import documented
from site_pages.markdown import block, code, table
from site_pages.yaml_files import read_file, shown

_INDEX = """# Methods

`method=NAME` chooses how calls of the transformer are made cheaper. Whatever the method, the
baseline, the metrics, the timing and the report are the same, so that rows of different methods can
be compared. A new one: [adding a method](../howto/new_method.md).
"""


def pages() -> dict[str, str]:
    """Write a page for each method, and one of all."""
    files = {name: read_file(CONF / "method" / f"{name}.yaml") for name in METHODS}
    rows = [(f"[`{name}`]({name}.md)", file.text) for name, file in files.items()]
    found = {"docs/methods/index.md": f"{_INDEX}\n{table(('method', 'what it is'), rows)}\n"}
    for name, file in files.items():
        method = documented(METHODS.load(name))
        parts = [f"# `{name}`", file.text, block("bash", [file.command])]
        parts += ["## In the source", method.markdown()]
        meanings = method.entries()
        keys = {key: value for key, value in file.values.items() if key != "name"}
        if keys:
            cells = [
                (code(f"method.{key}"), code(shown(value)), _meaning(key, file.remarks, meanings))
                for key, value in keys.items()
            ]
            parts += ["## All its keys", table(("key", "default", "meaning"), cells)]
        found[f"docs/methods/{name}.md"] = "\n\n".join(parts) + "\n"
    return found


def _meaning(key: str, remarks: dict[str, str], meanings: dict[str, str]) -> str:
    return meanings.get(key) or remarks.get(key, "-")
