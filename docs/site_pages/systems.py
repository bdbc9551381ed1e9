"""The pages of systems: their models, windows and sites, from configuration, registry and code."""

from __future__ import annotations

import importlib
from typing import Any

from pab_bench.config.compose import read_option
from pab_bench.config.paths import CONF
from pab_bench.registry import load
from pab_bench.systems.registry import SYSTEMS
from site_pages.docstrings import documented
from site_pages.markdown import block, code, table
from site_pages.yaml_files import ConfigFile, read_folder, shown

_INDEX = """# Systems and models

A **system** is a family of video transformers with its real sampler; a **model** is one checkpoint
of it at one size, `model=NAME`. Everything below is read from `conf/model/` and the code of the
systems. The minis come with the package, the others from the Hugging Face hub or from folders:
[models and their files](../howto/models.md). A new one: [adding a model](../howto/new_model.md).
"""
_SAMPLED = ("frames", "height", "width", "steps", "guidance", "dtype", "depth", "schedule")
_FROM_IT = "the pipeline's own"


def pages() -> dict[str, str]:
    """Write a page for each system, and one of all models."""
    models = _models()
    rows = [
        (f"[`{file.name}`]({system}.md)", file.text, _size(values), _value(values, "steps"))
        for system, found in models.items()
        for file, values in found
    ]
    head = ("`model=`", "what", "frames, height x width", "steps")
    found = {"docs/systems/index.md": f"{_INDEX}\n{table(head, rows)}\n"}
    for name in SYSTEMS:
        found[f"docs/systems/{name}.md"] = _page(name, models[name])
    return found


def _models() -> dict[str, list[tuple[ConfigFile, dict[str, Any]]]]:
    """The files of `conf/model` with all their values, by system; released ones first."""
    found: dict[str, list[tuple[ConfigFile, dict[str, Any]]]] = {name: [] for name in SYSTEMS}
    for file in read_folder(CONF / "model"):
        values = read_option("model", file.name)
        found[values["system"]].append((file, values))
    for models in found.values():
        models.sort(key=lambda model: (model[1]["repository"] is None, model[0].name))
    return found


def _page(name: str, models: list[tuple[ConfigFile, dict[str, Any]]]) -> str:
    system = SYSTEMS.load(name)
    package = importlib.import_module(SYSTEMS[name].split(":")[0])
    parts = [f"# `{name}`", documented(package).markdown()]
    rows = [(code(file.name), file.text) for file, _ in models]
    parts += ["## Models", table(("`model=`", "what"), rows)]
    parts.append(block("bash", [file.command for file, _ in models]))
    parts += ["### What they are sampled with", _sampled_with(models)]
    parts += ["### Recommended windows", _windows(models)]
    parts += ["### Where the files come from", _origins(models), "## How it is driven"]
    objects = ", ".join(f"`broadcast_object={kind}`" for kind in system.broadcast_objects)
    facts = [
        ("transformer", ", ".join(map(code, system.transformers)) or "any"),
        ("can keep", objects),
        ("cost without weights", "known" if system.blueprint else "not known"),
        ("attention maps", "can be recorded" if system.token_grid else "cannot be recorded"),
        ("height and width", f"multiples of {system.pixel_multiple}"),
    ]
    parts.append(table(("fact", "of this system"), facts))
    if system.architecture is not None:
        architecture = load(system.architecture)
        declared = vars(architecture).get("groups", ())
        # Some know their groups only of a loaded transformer.
        named = declared if isinstance(declared, tuple) else ()
        groups = ", ".join(code(group.name) for group in named)
        parts += [documented(architecture).markdown(), f"Groups of sites: {groups}." * bool(groups)]
    parts.append(documented(load(system.sampler)).markdown())
    return "\n\n".join(part for part in parts if part) + "\n"


def _sampled_with(models: list[tuple[ConfigFile, dict[str, Any]]]) -> str:
    rows = [
        (code(file.name), *(_value(values, key) for key in _SAMPLED)) for file, values in models
    ]
    return table(("model", *_SAMPLED), rows)


def _value(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    if value is not None:
        return shown(value)
    return "not said" if key == "schedule" else _FROM_IT


def _size(values: dict[str, Any]) -> str:
    if values["frames"] is None:
        return _FROM_IT
    return f"{values['frames']}, {values['height']} x {values['width']}"


def _windows(models: list[tuple[ConfigFile, dict[str, Any]]]) -> str:
    kinds = list(dict.fromkeys(kind for _, values in models for kind in values["threshold"]))
    rows = []
    for file, values in models:
        windows = [values["threshold"][kind] for kind in kinds]
        mlp = values.get("mlp") or {}
        keys = shown(mlp["keys"]) if mlp.get("keys") else "none"
        rows.append(
            (code(file.name), *("no such kind" if w is None else shown(w) for w in windows), keys)
        )
    return table(("model", *kinds, "recommended MLP keys"), rows)


def _origins(models: list[tuple[ConfigFile, dict[str, Any]]]) -> str:
    rows = []
    for file, values in models:
        for part in ("", "vae", "text_encoder"):
            settings = values if not part else values.get(part) or {}
            repository = settings.get("repository")
            if repository:
                revision = settings.get("revision") or "not pinned"
                rows.append((code(file.name), part or "model", code(repository), code(revision)))
            elif not part:
                own = values["path"] or ("DIR" if values["depth"] is None else None)
                where = f"a folder: `model.path={own}`" if own else "the package"
                rows.append((code(file.name), "model", where, "-"))
    return table(("model", "part", "from", "revision"), rows)
