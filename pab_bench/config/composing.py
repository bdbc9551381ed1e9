"""Lets Hydra compose what is the same for several configurations once, and not for each of them.

Which files a configuration is made of follows from its groups alone; the values of other keys are
set in what comes out. So the points of a grid are mostly one composition with other values.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra._internal.defaults_list import DefaultsList, create_defaults_list
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig

_SEARCH_PATH = "hydra.searchpath"

_hydra: Any = config_loader_impl
_loader: Any = ConfigLoaderImpl
# Hydra's own.
_open = ConfigLoaderImpl._parse_overrides_and_create_caching_repo
_list = create_defaults_list
_merge = ConfigLoaderImpl._compose_config_from_defaults_list


@contextmanager
def composed_once() -> Iterator[None]:
    """Within it, the same files and groups are read and merged once.

    So a command runs with the files that it was checked with, also if somebody changes one before
    its last point begins. Within another, it is that one which knows.
    """
    if _hydra.create_defaults_list is not _list:
        yield
        return
    known = _Known()
    _loader._parse_overrides_and_create_caching_repo = lambda *given: known.opened(*given)
    _hydra.create_defaults_list = known.listed
    _loader._compose_config_from_defaults_list = lambda *given, **named: known.merged(
        *given, **named
    )
    try:
        yield
    finally:
        _loader._parse_overrides_and_create_caching_repo = _open
        _hydra.create_defaults_list = _list
        _loader._compose_config_from_defaults_list = _merge


class _Known:
    """What was read and merged until now; the methods take what Hydra's own functions take."""

    def __init__(self) -> None:
        self._opened: dict[tuple[Any, ...], CachingConfigRepository] = {}
        self._listed: dict[tuple[Any, ...], DefaultsList] = {}
        # By the id of the list that was made, which is kept in `_listed`: no other gets its id.
        self._files: dict[int, _Copies] = {}
        self._read: dict[tuple[Any, ...], dict[str, ConfigResult | None]] = {}
        self._merged: dict[int, DictConfig] = {}

    def opened(
        self, loader: ConfigLoaderImpl, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        """The overrides, and the folders with configuration files."""
        parsed = OverridesParser.create().parse_overrides(overrides=overrides)
        lines = [str(o.input_line) for o in parsed if o.get_key_element() == _SEARCH_PATH]
        folders = [(part.provider, part.path) for part in loader.config_search_path.get_path()]
        key = (*folders, config_name, *lines)
        if key not in self._opened:
            self._opened[key] = _open(loader, config_name, lines)[1]
        return parsed, self._opened[key]

    def listed(
        self,
        repo: CachingConfigRepository,
        config_name: str | None,
        overrides_list: list[Override],
        prepend_hydra: bool,
        skip_missing: bool,
    ) -> DefaultsList:
        """Which files are to be merged, and the overrides that set values in them."""
        given = [override for override in overrides_list if not override.is_sweep_override()]
        groups = [override for override in given if _chooses(override, repo)]
        values = [override for override in given if not _chooses(override, repo)]
        sources = tuple((source.scheme(), source.path) for source in repo.get_sources())
        lines = tuple(override.input_line for override in groups)
        key = (sources, config_name, lines, prepend_hydra)
        try:
            made = self._made(key, repo, config_name, groups, prepend_hydra, False)
        except HydraException:
            if not skip_missing:
                raise
            # A group without a choice, which a sweep makes for each of its points.
            made = self._made((*key, "???"), repo, config_name, groups, prepend_hydra, True)
        return replace(made, config_overrides=values)

    def _made(
        self, key: tuple[Any, ...], repo: CachingConfigRepository, *given: Any
    ) -> DefaultsList:
        if key not in self._listed:
            own = _Copies(repo.delegate, self._read.setdefault(key[0], {}))
            made = _list(own, *given)
            self._listed[key] = made
            self._files[id(made.defaults)] = own
        return self._listed[key]

    def merged(
        self, loader: ConfigLoaderImpl, defaults: list[ResultDefault], repo: CachingConfigRepository
    ) -> DictConfig:
        """What the listed files say together; the caller may change it."""
        del repo  # Those that the list was made of have been read.
        if id(defaults) not in self._merged:
            self._merged[id(defaults)] = _merge(loader, defaults, self._files[id(defaults)])
            del self._files[id(defaults)]  # All that was read of them is in it.
        return copy.deepcopy(self._merged[id(defaults)])


class _Copies(CachingConfigRepository):
    """Files for one choice of groups: Hydra changes what it has read while it follows it.

    Args:
        delegate: reads files; it is not changed.
        read: what was read of each file, for all choices.
    """

    def __init__(self, delegate: IConfigRepository, read: dict[str, ConfigResult | None]) -> None:
        self.delegate = delegate
        self.cache = {}
        self._read = read

    def load_config(self, config_path: str) -> ConfigResult | None:
        """What a file says, None if there is no such file."""
        if config_path not in self._read:
            self._read[config_path] = self.delegate.load_config(config_path)
        if config_path not in self.cache:
            self.cache[config_path] = copy.deepcopy(self._read[config_path])
        return self.cache[config_path]


def _chooses(override: Override, repo: CachingConfigRepository) -> bool:
    """Whether an override chooses files, rather than setting a value in what they say."""
    return not isinstance(override.value(), dict) and repo.group_exists(override.key_or_group)
