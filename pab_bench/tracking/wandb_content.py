"""What is sent of a point: plain data, tables and pictures, from what is kept on disk."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pab_bench.store.records import Record

if TYPE_CHECKING:
    import pandas as pd

_TENSOR = "ungated"
_DIFFERENCE = "attention_difference"


def config_of(record: Record) -> dict[str, Any]:
    """The configuration that determines the point, where it belongs, and what made it."""
    return {
        **record.config,
        "baseline_id": record.baseline_id,
        "model_record": dict(record.model),
        "plan_digest": record.plan.get("digest"),
        "provenance": dict(record.provenance),
    }


def summary_of(record: Record, folder: Path, intervals: pd.DataFrame) -> dict[str, Any]:
    """Scalars by name; what is missing is left out.

    Args:
        record: the point.
        folder: where its tables lie, in a results folder's `points`.
        intervals: columns metric, low, high, n.
    """
    values: dict[str, Any] = {"status": record.status, "peak_cache_bytes": record.peak_cache_bytes}
    values |= {name: entry["value"] for name, entry in record.quality.items()}
    for row in intervals.to_dict("records"):
        ends = {"low": row["low"], "high": row["high"], "videos": row["n"]}
        values |= {f"{row['metric']}/{name}": value for name, value in ends.items()}
    values |= {stage: times["median"] for stage, times in record.timing.items()}
    # Videos are sampled at other times than their baseline's, so that these are not compared.
    values["sampled_denoise_s"] = values.pop("denoise_s", None)
    values["replayed_share"] = record.timing.get("denoise_s", {}).get("replayed_share")
    shares = record.plan.get("reuse_share", {})
    values |= {f"reuse_share/{kind}": share for kind, share in shares.items()}
    numbers = {**record.cost, **record.memory}
    values |= {name: v for name, v in numbers.items() if isinstance(v, int | float)}
    values |= speeds_of(record, folder)
    if record.error:
        values["error"] = f"{record.error['type']}: {record.error['message']}"
    # A missing number is left out, never 0; NaN is the only value that differs from itself.
    return {name: value for name, value in values.items() if value is not None and value == value}


def speeds_of(record: Record, folder: Path) -> dict[str, Any]:
    """What timed calls say of a point's speed, as the summary of a sweep has it.

    Returns:
        Of a variant `speedup`, `bound`, `efficiency`, `videos_speedup`, `denoise_s`,
        `baseline_denoise_s`, what is wrong (`speed_fault`), and the ends of intervals, such as
        `speedup/low`. Nothing if its calls were not timed.
    """
    from analysis.points import Point
    from analysis.speeds import speed_numbers, speed_of

    point = Point(folder, asdict(record))
    numbers = speed_numbers(speed_of(point), record.is_baseline)
    if record.is_baseline:
        numbers.pop("speedup", None)  # To itself, it is no result.
    return {re.sub("_(low|high)$", r"/\1", name): value for name, value in numbers.items()}


def steps_of(folder: Path) -> pd.DataFrame:
    """One row per denoising step: seconds, replayed share, attention difference per kind.

    Returns:
        Columns denoising_step, timestep, step_seconds, step_replayed and, of a baseline,
        attention_difference/<kind>; none without `steps.parquet`.
    """
    import pandas as pd

    path = folder / "steps.parquet"
    if not path.exists():
        return pd.DataFrame()
    steps = pd.read_parquet(path).groupby("step")
    table = pd.DataFrame(
        {
            "timestep": steps["timestep"].first(),
            "step_seconds": steps["seconds"].median(),
            "step_replayed": steps["replayed"].mean(),
        }
    )
    curves = folder / "curves.parquet"
    if curves.exists():
        rows = pd.read_parquet(curves)
        means = rows[rows["tensor"] == _TENSOR].groupby(["step", "kind"])["mse"].mean().unstack()
        table = table.join(means.add_prefix(f"{_DIFFERENCE}/"))
    return table.rename_axis("denoising_step").reset_index()


def intervals_of(record: Record, folder: Path) -> pd.DataFrame:
    """Mean and 95 % interval of every metric over the videos: metric, mean, low, high, n, note."""
    import pandas as pd

    from analysis.frames import video_values
    from analysis.intervals import intervals_frame

    path = folder / "metrics.parquet"
    if not path.exists():
        return pd.DataFrame(columns=["metric", "mean", "low", "high", "n", "note"])
    values = video_values(pd.read_parquet(path))
    return intervals_frame(values.assign(job=record.id)).drop(columns="job")


def pictures_of(record: Record, folder: Path) -> Mapping[str, bytes]:
    """PNG pictures by name: of a baseline the attention difference, of others the schedule."""
    import pandas as pd

    from analysis.errors import NothingToShow
    from analysis.figures.attention_difference import attention_difference
    from analysis.figures.save import png
    from analysis.figures.schedule import schedule

    name = str(record.model["name"])
    found = {}
    try:
        if (folder / "curves.parquet").exists():
            curves = pd.read_parquet(folder / "curves.parquet")
            figure = attention_difference(curves, int(record.plan["calls"]), name=name)
            found[f"figures/{_DIFFERENCE}"] = png(figure)
        plan = folder / "plan.parquet"
        if plan.exists() and record.plan.get("reuse_share", {}).get("all"):
            figure = schedule({record.id[:8]: lambda: pd.read_parquet(plan)}, name)
            found["figures/schedule"] = png(figure)
    except NothingToShow:
        return found
    return found


def image(content: bytes) -> Any:
    """A PNG as Weights & Biases takes it."""
    import wandb
    from PIL import Image

    return wandb.Image(Image.open(io.BytesIO(content)))
