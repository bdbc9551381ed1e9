"""Somebody else's acceleration: what the pipeline, a library or the user brings along.

Nothing of it is decided here. It runs under a witness (`pab_bench.audit`), which notes what the
modules really did; from that come plan, shares, operations and findings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pab_bench.engine.kinds import KINDS
from pab_bench.methods.base import Acceleration, Facts
from pab_bench.problems import Problems
from pab_bench.systems.call_arguments import NO_ARGUMENTS, CallArguments, is_plain


@dataclass(frozen=True)
class External(Acceleration):
    """The method `external`.

    Attributes:
        enable: `module:function`, called with the pipeline and the arguments; or one of diffusers'
            configurations of a cache, such as `diffusers:FirstBlockCacheConfig`, which is made with
            the arguments and enabled on the pipeline's transformers.
        arguments: by name, plain values.
        kinds: of sites that were asked to reuse something; None = what a configuration of diffusers
            says, or else not known.
        audit: whether the first video is sampled several times more, to find what one sampling
            does not show: shared state, videos that depend on others, remains.
    """

    enable: str | None = None
    arguments: CallArguments = NO_ARGUMENTS
    kinds: tuple[str, ...] | None = None
    audit: bool = True

    name: ClassVar[str] = "external"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        problems = Problems("method")
        _check_enable(self.enable, problems)
        wrong = [
            name
            for name, value in self.arguments.values().items()
            if not (name.isidentifier() and is_plain(value) and _is_finite(value))
        ]
        if wrong:
            message = f"must have names of arguments with plain values; wrong: {', '.join(wrong)}"
            problems.add("arguments", self.arguments, message)
        if self.kinds is not None:
            problems.distinct("kinds", self.kinds, "at least one kind, or be null")
            for kind in self.kinds:
                problems.choice("kinds", kind, KINDS)
        problems.raise_if_any()

    def settings(self) -> dict[str, Any]:
        """All of it, and a digest of the file that is run: with other code it is another point."""
        assert self.enable is not None
        return {
            "enable": self.enable,
            "arguments": self.arguments.text,
            "kinds": None if self.kinds is None else list(self.kinds),
            "audit": self.audit,
            "source": _source_digest(self.enable.partition(":")[0]),
        }

    def plan(self, facts: Facts) -> None:
        """None: what it does is seen while it is sampled."""


def _check_enable(enable: str | None, problems: Problems) -> None:
    if enable is None:
        message = (
            "must name what enables the acceleration, module:function, or a configuration of "
            "diffusers, such as method.enable=diffusers:FirstBlockCacheConfig"
        )
        problems.add("enable", None, message)
        return
    module, _, name = enable.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        problems.add("enable", enable, "must be module:function")
        return
    for needed in (module, *_NEEDS.get(module, ())):
        if _file_of(needed) is None:
            package = needed.partition(".")[0]
            hint = _INSTALL.get(package, "is it on PYTHONPATH, or in this folder?")
            problems.add("enable", enable, f"there is no module {needed}; {hint}")


_NEEDS: Mapping[str, tuple[str, ...]] = {"pab_bench.audit.cache_dit": ("cache_dit",)}
"""Packages that are imported only when something is enabled."""
_INSTALL: Mapping[str, str] = {
    "cache_dit": "pip install cache-dit",
    "para_attn": "pip install para-attn",
}
"""How packages are installed that accelerate pipelines of diffusers."""


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _file_of(module: str) -> Path | None:
    """The file that a module is in; None if there is no such module."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # A package above it is missing, or no package.
        return None
    return None if found is None or found.origin is None else Path(found.origin)


@lru_cache(maxsize=16)
def _source_digest(module: str) -> str | None:
    file = _file_of(module)
    if file is None or not file.is_file():
        return None
    return hashlib.sha256(file.read_bytes()).hexdigest()


def external_of(method: object) -> External | None:
    """The method if it is `external`, or None; inside of another one it is none.

    >>> external_of(External("json:loads")).enable
    'json:loads'
    """
    return method if isinstance(method, External) else None
