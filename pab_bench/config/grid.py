"""All grid points of one command, resolved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pab_bench.config.settings import Settings


@dataclass(frozen=True)
class GridPoint:
    """One point of a grid.

    Attributes:
        overrides: what makes it, as on the command line.
        settings: what follows.
        number: its place in the grid, which is that of its job; None where there is no grid.
    """

    overrides: tuple[str, ...]
    settings: Settings
    number: int | None = None


@dataclass(frozen=True)
class RefusedPoint:
    """A point of a grid that cannot be, where the others are made nevertheless.

    Attributes:
        overrides: as of `GridPoint`.
        number: likewise.
        reason: why it cannot be, in one line.
    """

    overrides: tuple[str, ...]
    number: int
    reason: str


@dataclass(frozen=True)
class Grid:
    """What a command asks for.

    Attributes:
        points: in the order of their jobs; at least one.
        refused: those that cannot be, with `on_refused=row`; in the same order.
        multirun: whether it is a sweep.
        searches: whether a sweeper chooses points by results, so that `points` has only what all
            of them share.
        parallel: whether a launcher starts the jobs in other processes.
        directory: the folder of the run, as far as it is known before; None if nobody has asked.
    """

    points: tuple[GridPoint, ...]
    multirun: bool
    searches: bool = False
    parallel: bool = False
    directory: Path | None = None
    refused: tuple[RefusedPoint, ...] = ()

    @property
    def task(self) -> str:
        """The task's name, which all points share."""
        return self.points[0].settings.task
