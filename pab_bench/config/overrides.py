"""What can be told of one command-line override by itself."""

from __future__ import annotations

import types
import typing

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from pab_bench.config.describe import expected, find, unknown_key
from pab_bench.config.quoting import LONGEST_SHOWN, argument, texts_meant
from pab_bench.problems import Problem, did_you_mean, one_of, show

EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "submitit",
    "hydra/launcher/submitit_slurm": "submitit",
    "hydra/sweeper/optuna": "optuna",
}
"""Choices that Hydra's plugins add, and the extra of this package that brings the plugin."""


_LONGEST, _MOST_VALUES = 60_000, 5_000
"""Of an override. Hydra's grammar reads 20,000 characters a second, and 5,000 values in six."""
_SHOWN = 60


def needs(choice: str) -> str:
    """How to get a choice of `EXTRAS`."""
    return f"needs: pip install 'pab_bench[{EXTRAS[choice]}]'"


def is_hydra_key(override: Override) -> bool:
    """Whether it is Hydra's own business."""
    return override.key_or_group.startswith(("hydra.", "hydra/"))


def quoting_advice(key: str, value: str) -> str:
    """Say how a text is written for a key, as the piece of the command line that works.

    Args:
        key: with its sections: `prompts.texts`.
        value: what was written, as the shell has handed it over.

    Returns:
        Nothing for keys that take no text.
    """
    try:
        kind = find(key)
    except LookupError:
        return ""
    several = typing.get_origin(kind) in (types.UnionType, typing.Union)
    kinds = typing.get_args(kind) if several else (kind,)
    if not {str, list[str]} & set(kinds):
        return ""
    if len(value) > LONGEST_SHOWN:
        file = "; many or long prompts fit into prompts.file" if key == "prompts.texts" else ""
        return f'quote the text: "..."{file}'
    if str in kinds:
        inner = value.strip()
        closed = len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "\"'"
        return f"quote the text: {argument(key, inner[1:-1] if closed else inner)}"
    texts = texts_meant(value)
    advice = f"quote every text: {argument(key, texts)}"
    if len(texts) > 1:
        one = value.strip().removeprefix("[").removesuffix("]")
        advice += f", or as one text: {argument(key, [one])}"
    return advice


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

    def too_long(self, line: str) -> Problem | None:
        """Refuse what Hydra's grammar would read for minutes; None if it is short enough."""
        values = sum(map(line.count, ",[{("))
        if len(line) <= _LONGEST and values <= _MOST_VALUES:
            return None
        message = f"has {len(line)} characters and {values} values, at most {_LONGEST} and "
        message += (
            f"{_MOST_VALUES} can be read; long lists fit into a file (prompts.file, pab_file)"
        )
        return Problem(f"{line[:_SHOWN]}...", message)

    def unreadable(self, line: str, reason: str) -> Problem:
        """What Hydra's grammar does not take, with the way to write it."""
        key, equals, value = line.partition("=")
        shown = line if len(line) <= LONGEST_SHOWN else f"{line[:_SHOWN]}..."
        key = key.lstrip("+~")
        message = f"cannot be read: {reason[:LONGEST_SHOWN]}"
        if not equals or key.startswith(("hydra.", "hydra/")) or self.options(key):
            return Problem(shown, message)
        try:
            find(key)
        except LookupError as error:
            return Problem(shown, unknown_key(error, self.loader.list_groups("")))
        advice = quoting_advice(key, value) or f"must be {expected(key)}"
        return Problem(shown, f"{message}; {advice}")

    def not_a_grid(self, override: Override) -> Problem:
        """Several values without `-m`: a grid, or a text with commas."""
        line = str(override.input_line)
        message = "several values are a grid: add -m to the command"
        key, _, value = line.partition("=")
        advice = "" if self.is_group(override) else quoting_advice(key.lstrip("+"), value)
        if advice:
            message += f"; or, if it is one text, {advice}"
        return Problem(line, message)

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
        key, value = override.key_or_group, override.value()
        message = f"must be {expected(key)}"
        if isinstance(value, str) and (advice := quoting_advice(key, value)):
            message += f"; {advice}"
        return Problem(f"{key}={show(value)}", message)

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
