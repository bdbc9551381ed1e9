"""Where Hydra writes the present run, known before its first job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

_directories: list[Path] = []


class RememberRunDirectory(Callback):
    """Keeps the folder of the run or sweep, so that it can be reported on when Hydra is done."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A single run begins."""
        _directories.append(Path(config.hydra.run.dir).absolute())

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A sweep begins."""
        _directories.append(Path(config.hydra.sweep.dir).absolute())


# At import, since a launcher's worker processes resolve their folders without calling `main`.
OmegaConf.register_new_resolver(
    "pab_bench.or", lambda value, default: default if value is None else value, replace=True
)
OmegaConf.register_new_resolver("pab_bench.part", lambda *arguments: part(*arguments), replace=True)


def part(depth: int, number: int, parts: int) -> list[int]:
    """The first and the last block of one of several parts of a model, of nearly the same size.

    Args:
        depth: number of blocks.
        number: of the part, from 0.
        parts: how many there are; at most `depth`.

    Example:
        >>> [part(28, number, 3) for number in range(3)]
        [[0, 8], [9, 17], [18, 27]]
    """
    return [depth * number // parts, depth * (number + 1) // parts - 1]


def forget_run_directory() -> None:
    """To be called before Hydra is started."""
    _directories.clear()


def run_directory() -> Path | None:
    """The folder of the run that was started last; None if it did not come that far."""
    return _directories[-1] if _directories else None
