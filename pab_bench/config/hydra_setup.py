"""All that reaches into Hydra: what it is told about pab_bench, and what is changed in it.

- `sweeps/` is a config group from every working directory. Adding the repository itself to the
  search path would turn each of its folders into a config group, and `--help` would walk through
  all results; so a source of its own shows just `sweeps/`.
- The folder of the present run is known before its first job.
- A configuration can be composed without starting a job, and a job is composed once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import RunMode
from omegaconf import DictConfig

from pab_bench.config.hydra_files import leave_out_places
from pab_bench.config.paths import CONF, ROOT
from pab_bench.config.resolvers import register_resolvers
from pab_bench.config.schema import SCHEMA
from pab_bench.config.yaml_growth import check_folder
from pab_bench.problems import InvalidSettings, Problem

CONFIG_NAME = "config"
SCHEMA_NAME = "pab_bench_schema"
GROUP = "sweeps"


def register() -> None:
    """Tell Hydra about the schema and `sweeps/`; calling it again does no harm."""
    store = ConfigStore.instance()
    if f"{SCHEMA_NAME}.yaml" not in store.repo:
        store.store(name=SCHEMA_NAME, node=SCHEMA, provider="pab_bench")
    Plugins.instance().register(SweepsSource)
    Plugins.instance().register(PabBenchSearchPath)


def argument_parser() -> argparse.ArgumentParser:
    """Hydra's own parser of command lines, under our name."""
    parser = get_args_parser()
    parser.prog = "pab_bench"
    return parser


class SweepsSource(FileConfigSource):
    """The config files below a folder's `sweeps/`, and nothing else of that folder."""

    @staticmethod
    def scheme() -> str:
        """The scheme by which Hydra chooses this source."""
        return "pab-sweeps"

    def is_group(self, config_path: str) -> bool:
        """Whether the path is a folder that is shown."""
        return self._shown(config_path) and super().is_group(config_path)

    def is_config(self, config_path: str) -> bool:
        """Whether the path is a config file that is shown."""
        return self._shown(config_path) and super().is_config(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """What lies directly below the path."""
        return super().list(config_path, results_filter) if self.is_group(config_path) else []

    @staticmethod
    def _shown(config_path: str) -> bool:
        return config_path.strip("/").split("/")[0] in ("", GROUP)


class PabBenchSearchPath(SearchPathPlugin):
    """Appends pab_bench's `sweeps/` to Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra before it composes a configuration."""
        search_path.append(provider="pab_bench", path=f"{SweepsSource.scheme()}://{ROOT}")


class RememberRunDirectory(Callback):
    """Keeps the folder of the run or sweep, so that it can be reported on when Hydra is done."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A single run begins."""
        _directories.append(Path(config.hydra.run.dir).absolute())

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A sweep begins."""
        _directories.append(Path(config.hydra.sweep.dir).absolute())

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra has just written down what it knows."""
        leave_out_places(Path(config.hydra.runtime.output_dir) / config.hydra.output_subdir)
        if config.hydra.mode == RunMode.MULTIRUN:
            leave_out_places(Path(config.hydra.sweep.dir))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """A job is done: Hydra keeps what it returned, but nobody reads its configuration again.

        Kept for every job, it would be most of what a process grows by from point to point.
        """
        job_return.cfg = job_return.hydra_cfg = None


# At import, since a launcher's worker processes resolve their folders without calling `main`.
register_resolvers()

_directories: list[Path] = []
"""Folders of the runs that were started, the present one last."""


def forget_run_directory() -> None:
    """To be called before Hydra is started."""
    _directories.clear()


def run_directory() -> Path | None:
    """The folder of the run that was started last; None if it did not come that far."""
    return _directories[-1] if _directories else None


class Composer:
    """Composes configurations as a command line asks for, without starting jobs.

    Args:
        arguments: what Hydra's own parser made of the command line.

    Raises:
        InvalidSettings: if `--config-dir` is no folder, or has a file that grows when it is read.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        search_path = create_config_search_path(arguments.config_path or str(CONF))
        if arguments.config_path is not None:
            check_folder(Path(arguments.config_path))
        if arguments.config_dir is not None:
            folder = Path(arguments.config_dir).absolute()
            if not folder.is_dir():
                raise InvalidSettings([Problem(f"--config-dir {folder}", "is not a folder")])
            check_folder(folder)
            query = SearchPathQuery(provider="schema")
            search_path.prepend("command-line", f"file://{folder}", query)
        self._hydra = Hydra.create_main_hydra2("pab_bench", search_path)
        self._parser = OverridesParser.create(config_loader=self.loader)
        self.config_name: str = arguments.config_name or CONFIG_NAME

    @property
    def loader(self) -> ConfigLoader:
        """What knows the config groups."""
        return self._hydra.config_loader

    def parse(self, line: str) -> Override:
        """Read one override."""
        override = self._parser.parse_override(line)
        override.config_loader = self.loader  # For glob(...).
        return override

    def compose(self, lines: Sequence[str]) -> DictConfig:
        """Compose a configuration, with Hydra's own part."""
        return self._hydra.compose_config(
            self.config_name, list(lines), RunMode.MULTIRUN, validate_sweep_overrides=False
        )

    @staticmethod
    def close() -> None:
        """Forget that Hydra was there."""
        GlobalHydra.instance().clear()


def grid_of(overrides: Sequence[Override]) -> Iterator[list[str]]:
    """All combinations of overrides with several values, each as lines of overrides."""
    for batch in BasicSweeper.split_arguments(list(overrides), None):
        yield from batch


def start(task: Callable[[DictConfig], Any]) -> None:
    """Let Hydra run the process' own command line, with `task` as what every job does."""
    decorate = hydra.main(version_base="1.3", config_path=str(CONF), config_name=CONFIG_NAME)
    with _composed_once():
        decorate(task)()


@contextmanager
def _composed_once() -> Iterator[None]:
    """Keep Hydra's sweeper from composing every job before the first, to see whether it can.

    The preflight has checked them all, and composing takes as long as a small video.
    """
    # The base class: Hydra loads the sweepers themselves a second time, as plugins.
    own = Sweeper.validate_batch_is_legal
    Sweeper.validate_batch_is_legal = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Sweeper.validate_batch_is_legal = own  # type: ignore[method-assign]
