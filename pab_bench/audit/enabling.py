"""Switches somebody else's acceleration on and off on a loaded pipeline."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from torch import nn

from pab_bench.audit.diffusers_caches import enable_cache, is_cache_config
from pab_bench.audit.snapshot import Snapshot
from pab_bench.engine.sites import transformers_of
from pab_bench.errors import ConfigError
from pab_bench.methods.external import External
from pab_bench.registry import load
from pab_bench.systems.base import Sampler

_UNDO = ("disable", "disable_cache", "remove", "restore", "close")
"""Methods by which what a function returns is undone, if it cannot be called."""


@dataclass
class Enabled:
    """A context in which an acceleration is on; whatever happens, the pipeline is bare afterwards.

    Attributes:
        attached: names of modules and classes that enabling has changed.
        left: names of those that were still changed after it was disabled, and were then restored
            by force; empty also where there was nothing by which to disable it.
        changed_modules: the `id` of every module that enabling has changed.
        can_disable: whether there is something by which it can be disabled.

    Args:
        sampler: the bare model.
        method: what to enable.
    """

    sampler: Sampler
    method: External
    attached: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changed_modules: set[int] = field(default_factory=set)
    can_disable: bool = False
    _undo: Callable[[], object] | None = None
    _before: Snapshot | None = None

    def __enter__(self) -> Self:
        """Enable.

        Raises:
            ConfigError: if it cannot be: what is wrong, and what to do.
        """
        pipeline = pipeline_of(self.sampler)
        transformers = transformers_of(self.sampler.architecture)
        self._before = Snapshot(pipeline, transformers)
        try:
            self._undo = _enable(self.method, pipeline, transformers)
        except BaseException:
            self._before.restore()
            raise
        self.can_disable = self._undo is not None
        self.attached = self._before.changed()
        self.changed_modules = self._before.changed_modules()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disable, note what is left, and remove that, too."""
        assert self._before is not None
        try:
            if self._undo is not None:
                self._undo()
                self.left = self._before.changed()
        finally:
            self._before.restore()
            self._undo = None


def pipeline_of(sampler: Sampler) -> Any:
    """The pipeline that a sampler drives.

    Raises:
        ConfigError: if it has none.
    """
    pipeline = getattr(sampler, "pipeline", None)
    if pipeline is None:
        raise ConfigError(
            f"method=external: {type(sampler).__name__} has no attribute `pipeline`, with which "
            "the acceleration could be enabled"
        )
    return pipeline


def _enable(
    method: External, pipeline: Any, transformers: Sequence[nn.Module]
) -> Callable[[], object] | None:
    assert method.enable is not None
    setting, arguments = f"method.enable={method.enable}", method.arguments.values()
    try:
        found = load(method.enable)
    except AttributeError as error:
        raise ConfigError(f"{setting}: {error}") from error
    except (Exception, SystemExit) as error:  # Whatever a module does when it is imported.
        told = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"{setting}: cannot be imported: {told}") from error
    if is_cache_config(found):
        return enable_cache(pipeline, transformers, found, arguments)
    if not callable(found):
        raise ConfigError(f"{setting}: must be a function that is called with the pipeline")
    try:
        returned = found(pipeline, **arguments)
    except ConfigError:
        raise
    except Exception as error:  # It is the user's own.
        told = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"{setting}: calling it with the pipeline failed: {told}") from error
    return _undo_of(returned, method.enable, pipeline, transformers)


def _undo_of(
    returned: Any, enable: str, pipeline: Any, transformers: Sequence[nn.Module]
) -> Callable[[], object] | None:
    """What undoes it: what was returned, a twin of the function, or the transformers' own."""
    for name in _UNDO:
        method = getattr(returned, name, None)
        if callable(method) and returned is not pipeline:
            return method  # type: ignore[no-any-return]
    if callable(returned) and not isinstance(returned, nn.Module) and returned is not pipeline:
        return returned  # type: ignore[no-any-return]
    module, _, name = enable.partition(":")
    twin = getattr(sys.modules[module], name.replace("enable", "disable", 1), None)
    if "enable" in name and callable(twin):
        return lambda: twin(pipeline)
    cached: list[Any] = [own for own in transformers if getattr(own, "is_cache_enabled", False)]
    if cached:
        return lambda: [own.disable_cache() for own in cached]
    return None
