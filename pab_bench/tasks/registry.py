"""The tasks. A new one is a file with a function, a file in `conf/task`, and a line here.

Standard library and ours only: `--help` and the check of a configuration read this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    "run": JobTask("pab_bench.tasks.run:run_job", "pab_bench.tasks.finish:finish_sweep"),
    "plan": GridTask("pab_bench.tasks.plan:plan"),
    "sample": JobTask(
        "pab_bench.tasks.sample:sample_videos",
        "pab_bench.tasks.sample:finish_samples",
    ),
    "cost": GridTask("pab_bench.tasks.cost:cost"),
    "describe": GridTask("pab_bench.tasks.describe:describe"),
    "speed": GridTask("pab_bench.tasks.speed:speed"),
    "claims": GridTask("pab_bench.tasks.claims:claims"),
    "scaling": GridTask("pab_bench.tasks.scaling:scaling"),
    "advise": GridTask("pab_bench.tasks.advise:advise"),
    "calibrate": GridTask("pab_bench.tasks.calibrate:calibrate"),
}
