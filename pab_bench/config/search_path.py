"""Makes `sweeps/` a config group from every working directory.

Adding the repository itself to the search path would turn each of its folders into a config
group, and `--help` would walk through all results; so a source of its own shows just `sweeps/`.
"""

from __future__ import annotations

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from pab_bench.config.paths import ROOT
from pab_bench.config.schema import register_schema

GROUP = "sweeps"


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


def register() -> None:
    """Tell Hydra about the schema and `sweeps/`; calling it again does no harm."""
    register_schema()
    Plugins.instance().register(SweepsSource)
    Plugins.instance().register(PabBenchSearchPath)
