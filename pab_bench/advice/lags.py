"""What reuse would change in each site, at several lags, recorded on a baseline's videos."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pab_bench.config.settings import Settings
from pab_bench.engine.boundaries import first_alive
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import Group
from pab_bench.engine.plan import Plan
from pab_bench.errors import PabBenchError
from pab_bench.experiment.identity import baseline_of
from pab_bench.experiment.sampling import places
from pab_bench.experiment.session import Session, digest
from pab_bench.files import read_with_digest, write_with_digest
from pab_bench.methods.base import plan_of
from pab_bench.probes.lagged_difference import LaggedDifference
from pab_bench.store.records import Record
from pab_bench.systems.base import lanes_of

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

Table = npt.NDArray[np.float64]


class LagPassDiffers(PabBenchError):
    """The recorded pass led to other latents than the baseline's."""


@dataclass(frozen=True)
class Lags:
    """Mean squared differences of the baseline, averaged over its videos and their lanes.

    Attributes:
        mse: per group an array (calls, lags + 1, depth); [s, k, b] is the error in what block b
            adds to the residual stream at call s if the output of call s - k is reused. [:, 0] is
            0; where k > s, or call s - k is of another transformer, there is nothing to reuse, and
            the value is NaN.
        energy: per group (calls, depth): the mean square of what is added; 0 at the first call of
            a transformer.
        elements: per group how many numbers a site's output has, of which those of the settings
            were looked at.
        recorded: videos that were sampled for it now; 0 if it was there.
    """

    mse: Mapping[Group, Table]
    energy: Mapping[Group, Table]
    elements: Mapping[Group, int]
    recorded: int = 0

    @property
    def longest(self) -> int:
        """The largest lag that is known."""
        return next(iter(self.mse.values())).shape[1] - 1


def lags_path(settings: Settings, baseline: Record) -> Path:
    """Where the table of a baseline lies: beside the store, named by what determines it."""
    advise = settings.advise
    tensor = "ungated" if settings.method.broadcast_object == "ungated" else "gated"
    name = f"{baseline.id}-{tensor}-{advise.max_lag}-{advise.elements}.parquet"
    return settings.results_dir / "lags" / name


def get_lags(settings: Settings, baseline: Record, session: Session) -> Lags:
    """Load the table of a baseline, or record it with one more pass over the baseline's videos.

    Args:
        settings: the rules' to be, whose broadcast object decides what is compared.
        baseline: its record.
        session: its model; loaded already, since the rules are sampled with it anyway.

    Raises:
        LagPassDiffers: if the recorder, or a device that is not deterministic, changed the latents.
    """
    import pandas as pd

    path = lags_path(settings, baseline)
    plan = plan_of(baseline_of(settings).method, session.sampler, settings.steps)
    loaded = _load(path, plan)
    if loaded is not None:
        return loaded
    rows = [
        row
        for place, inputs in zip(places(settings), baseline.inputs, strict=True)
        for row in _record(settings, session, plan, place, inputs["latents"])
    ]
    table = pd.DataFrame(rows)
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    write_with_digest(path, content.getvalue())
    _log.info("differences at lags up to %d: %s", settings.advise.max_lag, path)
    return lags_of(table, plan, len(baseline.inputs))


def _record(
    settings: Settings, session: Session, plan: Plan, place: Any, expected: str
) -> list[dict[str, object]]:
    advise = settings.advise
    recorder = LaggedDifference(
        advise.max_lag, advise.elements, settings.method.broadcast_object == "ungated"
    )
    text, _ = session.encode(place.prompt)
    noise = session.sampler.noise(place.seed)
    lanes = lanes_of(session.sampler, settings.guidance)
    with Engine(session.sampler.architecture, plan, observers=[recorder], lanes=lanes):
        latents = session.sampler.denoise(
            text, noise, settings.steps, settings.guidance, lambda step: None
        )
    if digest(latents) != expected:
        raise LagPassDiffers(
            f"{place}: the recorded pass led to other latents than the baseline's, so that its "
            "differences are not the baseline's; on a GPU set deterministic=true"
        )
    _log.info("differences at several lags: %s", place)
    rows = recorder.rows(plan.timesteps)
    return [{"prompt": place.index, "seed": place.seed, **row} for row in rows]


def _load(path: Path, plan: Plan) -> Lags | None:
    import pandas as pd

    if not path.exists():
        return None
    try:
        return lags_of(pd.read_parquet(io.BytesIO(read_with_digest(path))), plan, recorded=0)
    except (OSError, ValueError, KeyError, IndexError) as error:
        _log.warning("%s cannot be used (%s); it is recorded again", path, error)
        return None


def lags_of(recorded_rows: pd.DataFrame, plan: Plan, recorded: int) -> Lags:
    """Average recorded rows over videos and lanes, and put them into arrays.

    Args:
        recorded_rows: of `LaggedDifference`, with the columns prompt and seed.
        plan: that of the baseline.
        recorded: videos that were sampled for it now.

    Raises:
        ValueError, KeyError, IndexError: if they are not those of the plan's model and steps.
    """
    from analysis.lanes import over_lanes

    rows: list[dict[Any, Any]] = over_lanes(recorded_rows).to_dict("records")
    lags = max(row["lag"] for row in rows)  # Fewer than asked for in a video of few calls.
    groups = {(group.kind, group.branch): group for group in plan.source}
    shape = plan.calls, lags + 1, plan.depth
    mse = {group: np.zeros(shape) for group in plan.source}
    energy = {group: np.zeros((plan.calls, plan.depth)) for group in plan.source}
    elements: dict[Group, int] = {}
    count = len({(row["prompt"], row["seed"]) for row in rows})
    for row in rows:
        group = groups[row["kind"], row["branch"]]
        call, lag, block = row["call"], row["lag"], row["block"]
        mse[group][call, lag, block] += row["mse"] / count
        elements[group] = row["elements"]
        if lag == 1:
            energy[group][call, block] += row["energy"] / count
    alive = first_alive(plan.transformers or (0,) * plan.calls)
    for call, first in enumerate(alive):
        for table in mse.values():
            table[call, call - first + 1 :] = np.nan
    return Lags(mse, energy, elements, recorded)
