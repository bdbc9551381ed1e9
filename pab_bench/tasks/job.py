"""One Hydra job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """Where one grid point came from and where Hydra keeps its files.

    Attributes:
        number: the job's number in its sweep, from 0; 0 in a single run.
        directory: the job's own folder, absolute.
        overrides: the settings that make this job, as on the command line.
        multirun: whether it belongs to a sweep; its folder then lies in the sweep's.
        parallel: whether other jobs of the sweep run at the same time, in other processes.
    """

    number: int
    directory: Path
    overrides: list[str]
    multirun: bool
    parallel: bool = False

    @property
    def sweep_directory(self) -> Path:
        """The sweep's folder; in a single run the job's own."""
        return self.directory.parent if self.multirun else self.directory
