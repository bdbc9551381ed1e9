"""`settings` and `run`: what a command line does, from a program or a notebook."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pab_bench.config.compose import compose
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.tasks.job import Job

if TYPE_CHECKING:
    from pab_bench.door.results import Results


def settings(model: str = "latte_mini", **overrides: Any) -> Settings:
    """Compose, check and return the settings of one grid point.

    Args:
        model: an option of `conf/model`.
        overrides: keys as on the command line; a group with one of its options, such as
            `preset="pab236"`; a section as a mapping, such as `measure={"repeats": 3}`, or one of
            its keys in quotes, such as `**{"model.height": 32}`; `prompts` and `metrics` also as
            lists.

    Raises:
        ConfigError: one message with everything that is wrong, before anything is loaded.

    Example:
        >>> settings("latte_mini", spatial_gap=2, steps=20).method.rules.spatial.gap
        2
    """
    return compose(model=model, **overrides)


def run(*points: Settings, name: str | None = None) -> Results:
    """Sample, measure and keep points, and return their results.

    What is in the store already is not computed again; a point that fails is a row. The folder of
    the run is like a sweep's: `python -m analysis FOLDER` makes tables, figures and the report.

    Args:
        points: what to sample; all with the same `results_dir`.
        name: of the folder of the run, below `results_dir`; None = `notebook`.

    Raises:
        ConfigError: if there is no point, their results lie apart, or a model or device is not
            here.

    Example:
        >>> import pab_bench as pb
        >>> found = pb.run(pb.settings("latte_mini", spatial_gap=2, results_dir=folder, **small))
        >>> found.summary[["rules", "status"]].to_dict("list")
        {'rules': ['S2 T- C-'], 'status': ['ok']}
    """
    # Deferred: settings can be made without torch.
    from pab_bench.door.results import load
    from pab_bench.tasks.finish import time_speeds
    from pab_bench.tasks.run import run_job

    if len({point.results_dir for point in points}) != 1:
        listed = ", ".join(sorted({str(point.results_dir) for point in points})) or "none"
        raise ConfigError(f"results_dir={listed}: a run has points with one results_dir")
    if name is not None and not re.fullmatch(r"[\w.-]+", name):
        raise ConfigError(f"name={name}: must be a folder's name of letters, digits, _ . -")
    time = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S-%f")
    folder = points[0].results_dir / (name or "notebook") / time
    for number, point in enumerate(points):
        own = folder / str(number)
        own.mkdir(parents=True)
        run_job(point, Job(number, own, list(point.overrides), multirun=True))
    time_speeds(sorted(folder.glob("*/point.json")), points)
    return load(folder)
