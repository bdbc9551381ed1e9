"""The quantities that may be meant by "attention difference"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from analysis.errors import NothingToShow
from analysis.figures.attention_difference import tensor_rows
from pab_bench.engine.kinds import KINDS, Group
from pab_bench.errors import PabBenchError

MEASURES = ("mse", "relative_l1", "one_minus_cosine", "mse_over_energy")
TENSORS = ("ungated", "gated")
_PLACE = ("prompt", "seed", "step", "timestep", "kind", "branch", "block", "tensor")
_NEEDED = frozenset((*_PLACE, "mse", "relative_l1", "cosine", "energy"))
SITE = "site"
VALUE = "value"


class UnusableCurves(PabBenchError):
    """A table of curves that no claim can be tested on."""


@dataclass(frozen=True)
class Definition:
    """One definition of the attention difference.

    Attributes:
        measure: one of `MEASURES`.
        tensor: `ungated` or `gated`: before or after the gate. Cross-attention has none.
    """

    measure: str
    tensor: str

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.measure}, {self.tensor}"


PAPER = Definition("mse", "ungated")
"""The paper's: mean squared error of neighbouring outputs; its authors confirmed the tensor before
the gate (VideoSys issue 231), and averaging over blocks (ibid.; issue 154 says otherwise)."""
DEFINITIONS = tuple(Definition(measure, tensor) for measure in MEASURES for tensor in TENSORS)


def resting_steps(curves: pd.DataFrame) -> list[int]:
    """The steps whose timestep is that of the step before, as in PNDM's Runge-Kutta warm-up.

    Their outputs belong to one and the same timestep, so that their difference (decades smaller)
    is none between neighbouring timesteps. No claim is about them.
    """
    times = curves.drop_duplicates("step").set_index("step")["timestep"].sort_index()
    # Only neighbours: of a step that was left out before nothing is known.
    follows = times.index.to_series().diff() == 1
    return [int(step) for step in times.index[follows & (times.diff() == 0)]]


def moving(curves: pd.DataFrame) -> pd.DataFrame:
    """The curves without `resting_steps`."""
    return curves[~curves["step"].isin(resting_steps(curves))]


def differences(curves: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    """The difference of every site and step but the resting ones, by one definition.

    Where a step takes several calls of the transformer, it is the mean over these lanes.

    Args:
        curves: rows of curves.parquet of one baseline.
        definition: which quantity.

    Returns:
        Columns prompt, seed, step, timestep, kind, block, `site` (the group's name) and `value`.

    Raises:
        UnusableCurves: columns are missing, or there are no rows of the tensor.
    """
    missing = sorted(_NEEDED - set(curves))
    if missing or curves.empty:
        what = f"without the columns {', '.join(missing)}" if missing else "without rows"
        raise UnusableCurves(f"curves: expected rows of curves.parquet, got a table {what}")
    try:
        rows = tensor_rows(moving(curves), definition.tensor)
    except NothingToShow as error:
        raise UnusableCurves(f"curves: {error}") from error
    rows = rows.assign(one_minus_cosine=1 - rows["cosine"])
    names = {
        (kind, branch): Group(kind, branch).name
        for kind, branch in rows[["kind", "branch"]].drop_duplicates().itertuples(index=False)
    }
    sites = [names[place] for place in zip(rows["kind"], rows["branch"], strict=True)]
    kept = rows[["prompt", "seed", "step", "timestep", "kind", "block"]]
    return kept.assign(**{SITE: sites, VALUE: rows[definition.measure]})


def kinds_in(rows: pd.DataFrame) -> list[str]:
    """The kinds that the model has, in the usual order."""
    present = set(rows["kind"].unique())
    return [kind for kind in KINDS if kind in present]


def curves_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean over sites and blocks: one row per step, one column per video (prompt, seed)."""
    return rows.groupby(["step", "prompt", "seed"])[VALUE].mean().unstack(["prompt", "seed"])


def sites_in(rows: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    """Every site of every block by its name (`spatial 3`) with its rows, in order."""
    for (site, block), part in rows.groupby([SITE, "block"], sort=True):
        yield f"{site} {block}", part
