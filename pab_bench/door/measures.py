"""What `measure` returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from pab_bench.metrics.measure import NO_BASELINE, Measured

NO_REFERENCE = "it compares with a reference, and none was given"


class Measures(Mapping[str, float | None]):
    """Values of metrics by column: the name with its unit, such as `psnr_db`; plain names work too.

    A metric that cannot be had is None, with a reason in `missing`.

    Args:
        measured: the metrics.
    """

    def __init__(self, measured: Sequence[Measured]) -> None:
        self._measured = {one.metric.column: one for one in measured}
        self._columns = {one.metric.name: one.metric.column for one in measured}

    def __getitem__(self, name: str) -> float | None:
        """The value of a metric: the mean of the videos' values.

        Raises:
            KeyError: if it was not measured.
        """
        return self._measured[self._columns.get(name, name)].total.value

    def __iter__(self) -> Iterator[str]:
        return iter(self._measured)

    def __len__(self) -> int:
        return len(self._measured)

    @property
    def missing(self) -> dict[str, str]:
        """Column to the reason why a metric, or some videos' values of it, are missing."""
        reasons = {column: _reason(one) for column, one in self._measured.items()}
        return {column: reason for column, reason in reasons.items() if reason}

    def table(self) -> pd.DataFrame:
        """One row per metric, by column: label, unit, value, videos (on which it rests), reason."""
        rows = [
            (one.metric.label, one.metric.unit, self[column], one.total.count, _reason(one))
            for column, one in self._measured.items()
        ]
        names = ["label", "unit", "value", "videos", "reason"]
        index = pd.Index(self._measured, name="metric")
        return pd.DataFrame(rows, index, names).astype({"value": "float64"})

    def per_video(self) -> pd.DataFrame:
        """One row per video and metric: video (from 0), metric (column), value, reason."""
        rows = [
            (video, column, values.mean.value, _told(values.mean.reason))
            for column, one in self._measured.items()
            for video, values in enumerate(one.videos)
        ]
        frame = pd.DataFrame(rows, columns=["video", "metric", "value", "reason"])
        return frame.astype({"value": "float64"})

    def per_frame(self) -> pd.DataFrame:
        """One row per number: video and frame (from 0), metric (column), value.

        A metric of frame pairs has one number fewer than there are frames, one of whole videos has
        one; metrics of whole sets have none.
        """
        rows = [
            (video, frame, column, float(value))
            for column, one in self._measured.items()
            for video, values in enumerate(one.videos)
            for frame, value in enumerate(values.values)
        ]
        return pd.DataFrame(rows, columns=["video", "frame", "metric", "value"])

    def __repr__(self) -> str:
        return self.table().to_string()

    def _repr_html_(self) -> str:
        html: str = self.table().to_html()
        return html


def _reason(one: Measured) -> str:
    """Why there is no value, or which videos it does not rest on; empty if nothing is missing."""
    if one.reason is not None:
        return _told(one.reason)
    return "; ".join(
        f"{count} of {len(one.videos)} videos: {reason}"
        for reason, count in Counter(one.total.missing).items()
    )


def _told(reason: str) -> str:
    """In a sweep, only a baseline has no reference."""
    return NO_REFERENCE if reason == NO_BASELINE else reason
