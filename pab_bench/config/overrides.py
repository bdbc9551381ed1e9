"""What can be told of one command-line override by itself."""

from __future__ import annotations

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from pab_bench.config.describe import expected, find, unknown_key
from pab_bench.problems import Problem, did_you_mean, one_of, show

EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "submitit",
    "hydra/launcher/submitit_slurm": "submitit",
    "hydra/sweeper/optuna": "optuna",
}
"""Choices that Hydra's plugins add, and the extra of this package that brings the plugin."""


def needs(choice: str) -> str:
    """How to get a choice of `EXTRAS`."""
    return f"needs: pip install 'pab_bench[{EXTRAS[choice]}]'"


def is_hydra_key(override: Override) -> bool:
    """Whether it is Hydra's own business."""
    return override.key_or_group.startswith(("hydra.", "hydra/"))


class OverrideChecker:
    """Knows the groups and their options, and the schema's keys."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self._options: dict[str, list[str]] = {}

    def options(self, group: str) -> list[str]:
        """The choices of a config group; none if there is no such group."""
        if group not in self._options:
            self._options[group] = self.loader.get_group_options(group, ObjectType.CONFIG)
        return self._options[group]

    def is_group(self, override: Override) -> bool:
        """Whether it chooses from a config group."""
        return bool(self.options(override.key_or_group))

    def problem(self, override: Override) -> Problem | None:
        """What is wrong with an override, whatever the others are; None if nothing is."""
        line = str(override.input_line)
        if self.is_group(override):
            return self._group_problem(override)
        if is_hydra_key(override):
            return None
        if override.is_delete():
            return Problem(line, "a setting cannot be removed; null = its default")
        key = override.key_or_group
        try:
            find(key)
        except LookupError as error:
            return Problem(line, unknown_key(error, self.loader.list_groups("")))
        if override.is_add():
            return Problem(line, f"the key exists already: write {line.lstrip('+')}")
        return None

    def wrong_value(self, override: Override) -> Problem:
        """The value does not have the key's type."""
        key = override.key_or_group
        return Problem(f"{key}={show(override.value())}", f"must be {expected(key)}")

    @staticmethod
    def _is_setting(key: str) -> bool:
        try:
            find(key)
        except LookupError:
            return False
        return True

    def _group_problem(self, override: Override) -> Problem | None:
        group = override.key_or_group
        line = str(override.input_line)
        if override.is_delete():
            return None
        if not is_hydra_key(override) and override.is_add() == self._is_setting(group):
            # Hydra's own advice is for YAML files. A group without a default must be added.
            plain = line.lstrip("+")
            return Problem(line, f"write {plain if override.is_add() else '+' + plain}")
        options = self.options(group)
        names: list[str]
        if override.is_sweep_override():
            try:
                names = list(override.sweep_string_iterator())
            except HydraException as error:
                return Problem(line, str(error))
        else:
            names = [override.get_value_element_as_str()]
        for name in names:
            # Hydra takes a list of options, too.
            for choice in name.strip("[]").split(","):
                if choice not in options:
                    if f"{group}/{choice}" in EXTRAS:
                        return Problem(f"{group}={choice}", needs(f"{group}/{choice}"))
                    hint = did_you_mean(choice, options)
                    return Problem(f"{group}={choice}", f"must be {one_of(options)}.{hint}")
        return None
