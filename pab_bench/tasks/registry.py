"""The tasks. A new one is a module with one function, and one line here.

Standard library and ours only: `--help` and the check of a configuration read this list.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pab_bench.loading import loading


@dataclass(frozen=True)
class JobTask:
    """Is done once for every grid point, by Hydra: in the job's own folder, perhaps elsewhere.

    Attributes:
        run: `module:function`, called with one point's `Settings` and its `Job`.
        finish: `module:function`, called after the last job with the folder of the run, the
            `Grid`, and whether the user has interrupted it; returns an exit status. None if
            nothing is left to do.
    """

    run: str
    finish: str | None = None


@dataclass(frozen=True)
class GridTask:
    """Is done once, for all grid points together, in this process; Hydra starts no job.

    Attributes:
        run: `module:function`, called with the `Grid`; returns an exit status.
    """

    run: str


TASKS: Mapping[str, JobTask | GridTask] = {
    "run": JobTask("pab_bench.experiment.run:run_job", "pab_bench.experiment.finish:finish_sweep"),
    "plan": GridTask("pab_bench.tasks.plan:plan"),
    "sample": JobTask(
        "pab_bench.experiment.video_files:sample_videos",
        "pab_bench.experiment.video_files:finish_samples",
    ),
    "cost": GridTask("pab_bench.cost.task:cost"),
    "claims": GridTask("pab_bench.claims.task:claims"),
    "advise": GridTask("pab_bench.advice.task:advise"),
}


def load(reference: str) -> Callable[..., Any]:
    """The function that `module:function` names; the module is imported now."""
    module, name = reference.split(":")
    with loading():
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function
