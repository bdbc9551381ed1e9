"""`load`: what runs and sweeps have left on disk, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from pab_bench.errors import PabBenchError

if TYPE_CHECKING:
    from analysis.points import Point, TableName


class NoResults(PabBenchError):
    """There is nothing of the kind that was asked for."""


def load(folder: str | Path) -> Results:
    """Load the results in a folder, and return their tables and videos; nothing is written.

    Args:
        folder: of a sweep, of a single run, or a results folder with its whole store.

    Returns:
        Tables that are read when they are asked for.

    Raises:
        NoResults: if the folder is missing or holds no jobs.

    Example:
        >>> import pab_bench as pb
        >>> results = pb.load(folder)
        >>> results.summary[["job", "status", "psnr_db"]]
           job  status  psnr_db
        0    0      ok    100.0
        1    1      ok     35.0
        2    2      ok     29.0
        3    3  failed      NaN
        >>> results.frames(1, prompt=0, seed=1).shape
        (10, 32, 32, 3)
    """
    return Results(Path(folder).expanduser())


class Results:
    """The jobs of a folder, and the points that they lead to; made by `load`.

    Args:
        folder: of a sweep, a run, or results.

    Attributes:
        folder: the same.

    Raises:
        NoResults: if it is missing or holds no jobs.
    """

    def __init__(self, folder: Path) -> None:
        from analysis.data import SweepData
        from analysis.load import load_sweep

        self.folder = folder
        with _ours():
            self._data = SweepData(load_sweep(folder))

    @property
    def summary(self) -> pd.DataFrame:
        """One row per job, also of those that failed: what summary.parquet has."""
        return self._data.summary.copy()

    @cached_property
    def points(self) -> dict[str, Point]:
        """The finished points by id, with the baselines that they are compared with."""
        sweep = self._data.sweep
        found = [*(point for _, point in sweep.finished), *sweep.baselines]
        return {point.id: point for point in found}

    @property
    def metrics(self) -> pd.DataFrame:
        """Values per frame: point, prompt, seed, frame (-1: the whole video), metric, value."""
        return self._tables("metrics")

    @property
    def steps(self) -> pd.DataFrame:
        """Times of the denoising steps: point, prompt, seed, repeat, step, timestep, seconds."""
        return self._tables("steps")

    @property
    def curves(self) -> pd.DataFrame:
        """Attention differences, of baselines: point, prompt, seed, step and so on."""
        return self._tables("curves")

    def frames(self, point: str | int, prompt: int = 0, seed: int = 0) -> npt.NDArray[np.uint8]:
        """One video.

        Args:
            point: its id, or the number of a job that leads to it.
            prompt: index of the prompt.
            seed: the seed.

        Returns:
            uint8 RGB, shape (frames, height, width, 3).

        Raises:
            NoResults: if there is no such point or video.
        """
        with _ours():
            return self._point(point).frames(prompt, seed)

    def _point(self, name: str | int) -> Point:
        jobs = {job.number: point for job, point in self._data.sweep.finished}
        found = jobs.get(name) if isinstance(name, int) else self.points.get(name)
        if found is None:
            what = "job" if isinstance(name, int) else "point"
            known = jobs if isinstance(name, int) else self.points
            raise NoResults(
                f"{self.folder}: no finished {what} {name!r}; there are "
                f"{', '.join(map(str, known)) or 'none'}"
            )
        return found

    def _tables(self, name: TableName) -> pd.DataFrame:
        """One kind of table of all points that have it, under each other."""
        tables = []
        for identifier, point in self.points.items():
            if (point.folder / f"{name}.parquet").is_file():
                table = point.table(name)
                table.insert(0, "point", identifier)
                tables.append(table)
        if not tables:
            raise NoResults(f"{self.folder}: no point has {name}.parquet")
        return pd.concat(tables, ignore_index=True)

    def __repr__(self) -> str:
        finished, jobs = len(self._data.sweep.finished), len(self._data.sweep.jobs)
        return f"Results({str(self.folder)!r}: {finished} of {jobs} jobs finished)"


@contextmanager
def _ours() -> Iterator[None]:
    """Errors of the analysis as errors of the package."""
    from analysis.errors import AnalysisError

    try:
        yield
    except AnalysisError as error:
        raise NoResults(str(error)) from error
