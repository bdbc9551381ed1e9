"""Validates every grid point of a command before Hydra starts the first one.

Hydra stops at the first wrong override, and validates values only when their job's turn comes. So
the overrides are checked here one by one, and every point of the grid is resolved. Points with
the same groups are composed once: composing takes Hydra a third of a second.
"""

from __future__ import annotations

import argparse
import copy
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from pab_bench.config.describe import is_number_for_switch, unknown_key
from pab_bench.config.grid import Grid, GridPoint, RefusedPoint
from pab_bench.config.hydra_keys import problems_of_hydra
from pab_bench.config.hydra_setup import GROUP, SCHEMA_NAME, Composer, grid_of
from pab_bench.config.overrides import EXTRAS, OverrideChecker, is_hydra_key, needs
from pab_bench.config.resolve import plain_values, resolve_values
from pab_bench.config.schema import SCHEMA
from pab_bench.config.search import check_search
from pab_bench.config.sweep_size import impossible_sweeps
from pab_bench.errors import first_line
from pab_bench.problems import InvalidSettings, Problem, show


def preflight(arguments: argparse.Namespace) -> Grid:
    """Check what a parsed command line asks for, without loading or writing anything.

    Args:
        arguments: what Hydra's own parser made of the command line.

    Returns:
        All grid points, resolved.

    Raises:
        ConfigError: one message with everything that is wrong in any grid point.
    """
    composer = Composer(arguments)
    try:
        return _Preflight(composer).run(arguments.overrides, arguments.multirun)
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark
        file = "a configuration file" if place is None else f"{place.name}, line {place.line + 1}"
        raise InvalidSettings([Problem(file, f"cannot be read: {error.problem}")]) from error
    finally:
        composer.close()


@dataclass
class _Composed:
    """A configuration and its plain values, which take the values of many points in turn.

    Attributes:
        cfg: the configuration.
        values: its plain values.
        interpolates: whether a key refers to another, so that its value is not known before all
            overrides of a point are set.
        converted: values of overrides, converted to the schema's types.
    """

    cfg: DictConfig
    values: dict[str, Any]
    interpolates: bool
    converted: dict[str, Any] = field(default_factory=dict)


class _Preflight:
    def __init__(self, composer: Composer) -> None:
        self.composer = composer
        self.checker = OverrideChecker(composer.loader)
        self.parsed: dict[str, Override] = {}
        self.composed: dict[tuple[str, ...], _Composed] = {}
        self.points_of: dict[Problem, list[str]] = {}
        self.points: list[GridPoint] = []
        self.refused: list[RefusedPoint] = []
        self.reasons: list[tuple[Problem, ...]] = []
        self.refused_are_rows = False
        self.count = 0

    def run(self, lines: Sequence[str], multirun: bool) -> Grid:
        problems: list[Problem] = []
        usable = self._usable(lines, problems)
        base = self._compose([o for o in usable if self._composes(o) and not o.is_sweep_override()])
        multirun = multirun or base.hydra.mode == RunMode.MULTIRUN
        problems += problems_of_hydra(base)
        basic = str(base.hydra.sweeper._target_).endswith(".BasicSweeper")
        if multirun:
            params = _params(base)
            usable = [o for o in usable if basic or not o.is_sweep_override()]
            if basic:
                swept = self._usable([f"{k}={v}" for k, v in params.items()], problems)
                usable = [*swept, *usable]
        else:
            problems += [self.checker.not_a_grid(o) for o in usable if o.is_sweep_override()]
            usable = [o for o in usable if not o.is_sweep_override()]
        hydra_keys = [str(o.input_line) for o in usable if is_hydra_key(o)]
        task = [o for o in usable if not is_hydra_key(o)]
        # Every problem of an override is reported by itself, so that it does not hide others.
        self.refused_are_rows = multirun and basic and _are_rows(base, task)
        impossible = impossible_sweeps(task)
        problems += impossible
        for point in () if impossible else grid_of(task):
            self._check_point(hydra_keys, point)
        if not self.points:
            for refused, why in zip(self.refused, self.reasons, strict=True):
                self._note(why, refused.overrides)
        problems += self._tasks_differ()
        if multirun and not basic and self.points:
            problems += check_search(self.points[0].settings, base.hydra.sweeper)
        raise_all(problems, self.points_of, self.count)
        launched_here = str(base.hydra.launcher._target_).endswith(".BasicLauncher")
        return Grid(
            tuple(self.points),
            multirun,
            searches=multirun and not basic,
            parallel=multirun and not launched_here,
            directory=self._directory(base, "sweep" if multirun else "run"),
            refused=tuple(self.refused),
        )

    def _directory(self, base: DictConfig, kind: str) -> Path:
        """The folder of the run, whose name may have the time in it."""
        cfg = copy.deepcopy(base)
        for line in self.points[0].overrides:
            override = self._parse(line)
            if not self._composes(override):
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
        key = f"hydra.{kind}.dir"
        try:
            OmegaConf.select(cfg, "hydra.job.name")
            return Path(str(OmegaConf.select(cfg, key))).absolute()
        except OmegaConfBaseException as error:
            raw = OmegaConf.to_container(cfg.hydra[kind], resolve=False)["dir"]  # type: ignore[call-overload, index]
            raise InvalidSettings([Problem(f"{key}={raw}", first_line(error))]) from error

    def _tasks_differ(self) -> list[Problem]:
        tasks = sorted({point.settings.task for point in self.points})
        if len(tasks) < 2:
            return []
        return [Problem(f"task={','.join(tasks)}", "a command has one task for all grid points")]

    def _usable(self, lines: Sequence[str], problems: list[Problem]) -> list[Override]:
        usable = []
        for line in lines:
            too_long = self.checker.too_long(line)
            if too_long is not None:
                problems.append(too_long)
                continue
            try:
                override = self._parse(line)
            except HydraException as error:
                problems.append(self.checker.unreadable(line, first_line(error)))
                continue
            found = self.checker.problem(override)
            if found is None:
                usable.append(override)
            else:
                problems.append(found)
        return usable

    def _parse(self, line: str) -> Override:
        if line not in self.parsed:
            self.parsed[line] = self.composer.parse(line)
        return self.parsed[line]

    def _composes(self, override: Override) -> bool:
        """Whether the override decides what is composed, rather than a value in it."""
        return is_hydra_key(override) or self.checker.is_group(override)

    def _compose(self, overrides: Sequence[Override]) -> DictConfig:
        lines = [str(o.input_line) for o in overrides]
        shown = " ".join(lines) or self.composer.config_name
        try:
            cfg = self.composer.compose(lines)
        except yaml.MarkedYAMLError:
            raise
        except Exception as error:  # Hydra meets what stands in a file with whatever comes.
            text = explain(error)
            missing = [needs(choice) for choice in EXTRAS if choice in text]
            if f"Key '{GROUP}' not in" in text:
                text = f"a file in {GROUP}/ begins with the line '# @package _global_'"
            raise InvalidSettings([Problem(shown, missing[0] if missing else text)]) from error
        absent = [key for key in typing.get_type_hints(SCHEMA) if key not in cfg]
        if absent:
            text = f"has no {', '.join(absent[:3])}; its defaults must begin with {SCHEMA_NAME}"
            raise InvalidSettings([Problem(shown, text)])
        return cfg

    def _check_point(self, hydra_keys: Sequence[str], point: Sequence[str]) -> None:
        self.count += 1
        number = self.count - 1
        try:
            groups = [line for line in point if self._composes(self._parse(line))]
            base = self._base((*hydra_keys, *groups))
            values = dict(base.values)
            found: list[Problem] = []
            lines = [line for line in point if line not in groups]
            referring = [line for line in lines if "${" in str(self._parse(line).value())]
            for line in lines:
                if line not in referring:
                    try:
                        self._apply(base, line, values)
                    except InvalidSettings as error:
                        found += error.problems
            if not found and (base.interpolates or referring):
                values = self._together(base, lines)
            try:
                settings = resolve_values(values, point)
                self.points.append(GridPoint(tuple(point), settings, number))
            except InvalidSettings as error:
                if self.refused_are_rows and not found:
                    raise _Refused(error.problems) from error
                found += error.problems
        except _Refused as error:
            self.refused.append(RefusedPoint(tuple(point), number, reason_of(error)))
            self.reasons.append(error.problems)
            found = []
        except InvalidSettings as error:
            found = list(error.problems)
        self._note(found, point)

    def _note(self, found: Sequence[Problem], point: Sequence[str]) -> None:
        for problem in found:
            self.points_of.setdefault(problem, []).append(" ".join(point))

    def _base(self, lines: tuple[str, ...]) -> _Composed:
        if lines not in self.composed:
            cfg = self._compose([self._parse(line) for line in lines])
            with open_dict(cfg):
                del cfg["hydra"]
            raw = OmegaConf.to_yaml(cfg, resolve=False)
            try:
                self.composed[lines] = _Composed(cfg, plain_values(cfg), "${" in raw)
            except InvalidSettings as error:
                raise (_Refused(error.problems) if self.refused_are_rows else error) from error
        return self.composed[lines]

    def _together(self, base: _Composed, lines: Sequence[str]) -> dict[str, Any]:
        """The values with all overrides set before one refers to another."""
        cfg = copy.deepcopy(base.cfg)
        for line in lines:
            override = self._parse(line)
            try:
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
            except OmegaConfBaseException as error:
                raise InvalidSettings([self._refused(cfg, override)]) from error
        return plain_values(cfg)

    def _refused(self, cfg: DictConfig, override: Override) -> Problem:
        """Why OmegaConf does not take an override: no such key of the method, or a wrong value."""
        section, _, key = override.key_or_group.rpartition(".")
        keys = list(OmegaConf.select(cfg, section) or ()) if section else [key]
        if key in keys:
            return self.checker.wrong_value(override)
        message = unknown_key(LookupError([section], key, keys), ())
        return Problem(str(override.input_line), message)

    def _apply(self, base: _Composed, line: str, values: dict[str, Any]) -> None:
        """Set what one override says in `values`, converted to the schema's type."""
        override = self._parse(line)
        key = override.key_or_group
        if is_number_for_switch(key, override.value()):
            raise InvalidSettings([self.checker.wrong_value(override)])
        if line not in base.converted:
            cfg = copy.deepcopy(base.cfg)
            try:
                OmegaConf.update(cfg, key, override.value(), merge=True)
                plain = plain_values(cfg)
            except OmegaConfBaseException as error:
                raise InvalidSettings([self._refused(base.cfg, override)]) from error
            for part in key.split("."):
                plain = plain[part]
            base.converted[line] = plain
        *sections, last = key.split(".")
        for section in sections:
            values[section] = dict(values[section])
            values = values[section]
        values[last] = base.converted[line]


def reason_of(refused: InvalidSettings) -> str:
    """Why a point cannot be, in one line."""
    return "; ".join(map(str, refused.problems))


class _Refused(InvalidSettings):
    """What a point says cannot be together; each override by itself is in order."""


def _are_rows(base: DictConfig, overrides: Sequence[Override]) -> bool:
    """Whether `on_refused` says so, in a file or on the command line."""
    said = [o.value() for o in overrides if o.key_or_group == "on_refused"]
    return bool((said or [base.get("on_refused")])[-1] == "row")


def _params(base: DictConfig) -> Mapping[str, Any]:
    """What a file in `sweeps/` sweeps over."""
    params = base.hydra.sweeper.get("params")
    if params is None:
        return {}
    if not OmegaConf.is_dict(params):
        message = "must be lines such as 'spatial_gap: 1,2'"
        raise InvalidSettings([Problem(f"hydra.sweeper.params={show(params)}", message)])
    return {str(key): value for key, value in params.items()}


def raise_all(
    problems: Sequence[Problem], points_of: dict[Problem, list[str]], points: int
) -> None:
    """Raise what was found, saying of how many points it is true if not of all."""
    found = list(problems)
    for problem, where in points_of.items():
        note = f" (in {len(where)} of {points} grid points, first: {where[0]})"
        found.append(
            Problem(problem.setting, problem.explanation + (note if len(where) < points else ""))
        )
    if found:
        raise InvalidSettings(found)


def explain(error: BaseException) -> str:
    """The lines of a Hydra error and of what caused it, in one line."""
    lines = [str(error)]
    if isinstance(error.__cause__, OmegaConfBaseException | HydraException):
        lines.append(str(error.__cause__))
    return " ".join(" ".join(lines).split())
