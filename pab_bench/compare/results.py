"""What a comparison leaves on disk: values per frame and video, tables with intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pab_bench.compare import table
from pab_bench.compare.pairs import Pairs
from pab_bench.files import write_json, write_text
from pab_bench.metrics.measure import Measured

if TYPE_CHECKING:
    import pandas as pd

    from pab_bench.statistics import Summary

SCHEMA = 1


@dataclass(frozen=True)
class Results:
    """A finished comparison.

    Attributes:
        measured: every metric of all pairs that could be read.
        pairs: which those are, and which were refused.
        about: the folders, settings and versions, as plain JSON.
    """

    measured: Sequence[Measured]
    pairs: Pairs
    about: Mapping[str, Any]

    def values(self) -> pd.DataFrame:
        """Columns pair, prompt, seed, metric, frame (-1: the whole video), value, reason."""
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for one in self.measured:
            for pair, video in zip(self.pairs.measured, one.videos, strict=bool(one.videos)):
                place = {
                    "pair": pair.name,
                    "prompt": pair.prompt,
                    "seed": pair.seed,
                    "metric": one.metric.column,
                }
                if one.metric.per != "video":
                    rows += [
                        {**place, "frame": frame, "value": float(value), "reason": ""}
                        for frame, value in enumerate(video.values)
                    ]
                mean = video.mean
                rows.append({**place, "frame": -1, "value": mean.value, "reason": mean.reason})
        columns = ["pair", "prompt", "seed", "metric", "frame", "value", "reason"]
        return pd.DataFrame(rows, columns=columns).astype({"value": "float64"})

    def summary(self) -> pd.DataFrame:
        """One row per metric: mean with interval, median, number of videos, why it is missing."""
        import pandas as pd

        statistics = self._statistics()
        rows = []
        for one in self.measured:
            declared = one.metric.declaration()
            found = statistics.get(one.metric.column)
            mean_interval = found.mean_interval if found else None
            median_interval = found.median_interval if found else None
            rows.append(
                {
                    "metric": one.metric.column,
                    "label": declared["label"],
                    "unit": declared["unit"],
                    "higher_is_better": declared["higher_is_better"],
                    "ideal": declared["ideal"],
                    "value": one.total.value,
                    "low": mean_interval.low if mean_interval else None,
                    "high": mean_interval.high if mean_interval else None,
                    "median": found.median if found else None,
                    "median_low": median_interval.low if median_interval else None,
                    "median_high": median_interval.high if median_interval else None,
                    "videos": one.total.count,
                    "pairs": len(self.pairs.measured),
                    "note": found.note if found else "",
                    "reason": one.reason or "",
                }
            )
        numbers = ("value", "low", "high", "median", "median_low", "median_high")
        return pd.DataFrame(rows).astype(dict.fromkeys(numbers, "float64"))

    def _statistics(self) -> dict[str, Summary]:
        from pab_bench.statistics import samples_by_metric, summarise

        values = self.values()
        samples = samples_by_metric(values[values["frame"] < 0])
        return {metric: summarise(found) for metric, found in samples.items() if found}

    def write(self, folder: Path) -> list[Path]:
        """Write everything into `folder` and return what was written."""
        from pab_bench.text.latex import latex_table
        from pab_bench.text.markdown import markdown_table
        from pab_bench.text.spreadsheet import csv_text

        tables = folder / "tables"
        tables.mkdir(parents=True, exist_ok=True)
        values, summary = self.values(), self.summary()
        videos = values[values["frame"] < 0].drop(columns="frame")
        notes = table.notes(self.measured, self.pairs, self.about)
        written = {
            folder / "metrics.parquet": lambda path: values.to_parquet(path, index=False),
            folder / "videos.csv": lambda path: write_text(path, csv_text(videos)),
            folder / "summary.csv": lambda path: write_text(path, csv_text(summary)),
            tables / "summary.md": lambda path: path.write_text(
                markdown_table(*table.cells(summary)) + "\n" + "".join(f"- {n}\n" for n in notes),
                encoding="utf-8",
            ),
            tables / "summary.tex": lambda path: path.write_text(
                latex_table(*table.cells(summary), notes), encoding="utf-8"
            ),
            folder / "comparison.json": lambda path: write_json(path, self.record(summary)),
        }
        for path, write in written.items():
            write(path)
        return list(written)

    def record(self, summary: pd.DataFrame) -> dict[str, Any]:
        """The comparison as plain JSON, with the declaration of every metric."""
        rows = json.loads(summary.to_json(orient="records"))
        declared = {one.metric.column: one.summary() for one in self.measured}
        return {
            "schema": SCHEMA,
            **self.about,
            "pairs": [pair.name for pair in self.pairs.measured],
            "refused": self.pairs.refused,
            "notes": self.pairs.notes,
            "ignored": [str(path) for path in self.pairs.ignored],
            "metrics": {row["metric"]: {**declared[row["metric"]], **row} for row in rows},
        }
