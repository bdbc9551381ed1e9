"""Settings that make a stored point again, from what its record says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from pab_bench.config.compose import compose, options, read_option
from pab_bench.config.sections import MeasureSettings, RecordSettings
from pab_bench.config.settings import Settings
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.errors import ConfigError, PabBenchError
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.base import Method
from pab_bench.methods.combined import Combined
from pab_bench.methods.registry import METHODS
from pab_bench.registry import load
from pab_bench.store.records import Record
from pab_bench.systems.embedded import embedded_folder
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.registry import system_of_address

METHODS_AGAIN = {"pab": "pab_bench.methods.pab_identity:pab_of_identity"}
"""How the settings of a method are read from an identity."""
_PLACES = ("path", "repository", "revision", "vae", "text_encoder", "schedule", "system")
"""Of a model: where it is and how it is driven here, which is never taken from a record."""
_MACHINE = ("weights", "versions", "device", "arithmetic")


class CannotBeMade(PabBenchError):
    """A point that cannot be sampled here; the message says why."""


@dataclass(frozen=True)
class Here:
    """What is known of this place.

    Attributes:
        results: the results folder to sample into.
        device: where to sample; None = on the kind of device that a point was made on.
        models: folders of checkpoints, by the name of the model.
    """

    results: Path
    device: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)


def settings_of(record: Record, here: Here) -> Settings:
    """Make the settings of a point.

    They are validated as those of a command line are, and have the identity that the record has.
    Which code runs, and where checkpoints come from, is this package's or the user's choice.

    Args:
        record: the point.
        here: where to sample.

    Raises:
        CannotBeMade: if there are no such settings.
    """
    config = record.config
    try:
        found = _composed(record, here)
        found = replace(
            found,
            method=method_of(record),
            prompts=tuple(record.prompts),
            seeds=tuple(record.seeds),
            compile=bool(config["compile"]),
            deterministic=bool(config["deterministic"]),
            cache=CacheOptions(**(config["cache"] or {})),
            psnr_cap_db=float(config["metrics"]["psnr_cap_db"]),
            measure=MeasureSettings(**config["measure"]),
            record=RecordSettings(**config["record"]),
        )
    except (ConfigError, ValueError, TypeError, KeyError, OSError) as error:
        raise CannotBeMade(f"its settings are none of this version: {error}") from error
    differing = _differing(_comparable(settings_identity(found)), _comparable(config))
    if differing:
        raise CannotBeMade(f"this version makes other settings of its record: {differing}")
    return found


def _composed(record: Record, here: Here) -> Settings:
    config = record.config
    model = config["model"]
    option = _option(model)
    # What a record does not say is what it was before there was a choice.
    own = {
        f"model.{entry.name}": model.get(entry.name, entry.default)
        for entry in fields(ModelSettings)
        if entry.name not in _PLACES and model.get(entry.name, entry.default) is not MISSING
    }
    own["model.call"] = model.get("call")  # Which a configuration has as a mapping.
    path = here.models.get(model["name"])
    if path is not None:
        own["model.path"] = path
    elif model["repository"] is None and not _is_embedded(option):
        raise CannotBeMade(
            f"it was sampled from a folder; --model {model['name']}=DIR says where that is here"
        )
    # Older identities leave the threads to the provenance.
    threads = {**record.provenance, **config.get("arithmetic", {})}.get("threads")
    device = here.device or _device(config["device"])
    return compose(
        model=option,
        steps=config["steps"],
        guidance=config["guidance"],
        dtype=config["dtype"],
        metrics=list(config["metrics"]["names"]),
        results_dir=str(here.results),
        device=device,
        threads=threads if device == "cpu" else None,
        speed={"calls": False},
        **own,
    )


def _option(model: Mapping[str, Any]) -> str:
    """The file in `conf/model` for a model: that of its name, or of its system."""
    system = system_of_address(model["sampler"])
    own = [name for name in options("model") if read_option("model", name)["system"] == system]
    if not own:
        raise CannotBeMade(f"its sampler, {model['sampler']!r}, is no part of pab_bench")
    return model["name"] if model["name"] in own else own[0]


def _is_embedded(option: str) -> bool:
    """Whether a model comes with the package: it needs neither a folder nor the hub."""
    content = read_option("model", option)
    return content["repository"] is None and embedded_folder(content["system"]) is not None


def _device(kind: str) -> str:
    """What to ask for, to have the kind of device that a record names."""
    return kind if kind in ("cpu", "mps") else "cuda"


def method_of(record: Record) -> Method:
    """Make the method of a point, with the settings that its identity has.

    Raises:
        CannotBeMade: if there is no such method of that version, or its identity does not say all.
    """
    method = record.config["method"] or "pab"
    if isinstance(method, Mapping):
        return _made_again(method, record)
    return _pab(method, record)


def _made_again(method: Mapping[str, Any], record: Record) -> Method:
    """A method whose identity has its settings; they are checked as those of a command line."""
    name, inside = str(method.get("name")), method.get("inside")
    own = {k: v for k, v in method.items() if k not in ("name", "version", "inside")}
    if name == "external":
        raise CannotBeMade(
            "its acceleration is somebody else's code, which is never run because a record names "
            f"it; to sample it here: method=external method.enable={own.get('enable')}"
        )
    kind = METHODS.load(name) if name in METHODS else None
    known = set() if kind is None else {entry.name for entry in fields(cast("Any", kind))}
    if kind is None or set(own) - known or getattr(kind, "version", 1) != method.get("version"):
        raise CannotBeMade(f"method {name} cannot be read from a record")
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in own.items()}
    made: Method = cast("Any", kind).of_settings(given)
    if inside is None:
        return made
    inner = (
        _made_again(inside, record) if isinstance(inside, Mapping) else _pab(str(inside), record)
    )
    return Combined(made, inner)


def _pab(name: str, record: Record) -> Method:
    if name not in METHODS_AGAIN:
        raise CannotBeMade(f"method {name} cannot be read from a record")
    read: Callable[[Mapping[str, Any], Mapping[str, Any]], Method] = load(METHODS_AGAIN[name])
    option = _option(record.config["model"])
    return read(record.config, read_option("model", option).get("mlp") or {})


def _comparable(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity without what only a machine knows, or where weights lie, in plain JSON."""
    own = {name: value for name, value in identity.items() if name not in _MACHINE}
    own["model"] = {k: v for k, v in own["model"].items() if k not in _PLACES}
    plain: dict[str, Any] = json.loads(json.dumps(own))
    return plain


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    names = sorted({*ours, *theirs})
    return ", ".join(name for name in names if ours.get(name) != theirs.get(name))
