"""What the records say about their quality metrics: name, unit, which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.points import Point

# The order in which metrics are shown; any other follows, by name.
MAIN = ("psnr_db", "ssim", "lpips", "temporal_flickering")
# Label, unit and whether it needs a baseline, for records made before metrics declared themselves.
_KNOWN = {
    "psnr_db": ("PSNR", "dB", True),
    "ssim": ("SSIM", "", True),
    "lpips": ("LPIPS", "", True),
    "temporal_flickering": ("Temporal flickering", "", False),
}
_SHORT = {"temporal_flickering": "flicker"}
UP, DOWN = "↑", "↓"


@dataclass(frozen=True)
class MetricFacts:
    """One quality metric.

    Attributes:
        column: its name in tables and records.
        label: its name for people, without the unit.
        unit: or empty.
        higher_is_better: None where neither direction is better.
        cap: the largest value of any video, and that of one equal to its baseline, by setting.
        ideal: for a metric without a direction the value of a video equal to its baseline.
        needs_reference: whether it compares with the baseline, as far as the records show.
        definition: in words, or empty where the records do not say.
        source: where the definition comes from, or empty.
    """

    column: str
    label: str
    unit: str = ""
    higher_is_better: bool | None = None
    ideal: float | None = None
    cap: float | None = None
    needs_reference: bool = True
    definition: str = ""
    source: str = ""

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def arrow(self) -> str:
        """Towards better values; empty without a direction."""
        return {True: UP, False: DOWN, None: ""}[self.higher_is_better]

    @property
    def short(self) -> str:
        """As it heads a narrow column."""
        name = _SHORT.get(self.column, self.label)
        return f"{name} {self.unit}".strip()

    @property
    def direction(self) -> str:
        """The heading with the direction that is better, in words."""
        words = {True: "↑ higher is better", False: "↓ lower is better"}
        if self.higher_is_better is None:
            return self.heading if self.ideal is None else f"{self.heading}  ideal: {self.ideal:g}"
        return f"{self.heading}  {words[self.higher_is_better]}"

    def text(self, value: float) -> str:
        """A value with as many digits as the metric deserves."""
        return f"{value:.2f}" if self.unit == "dB" else f"{value:.4f}"


def metrics_of(points: Iterable[Point]) -> dict[str, MetricFacts]:
    """The metrics that any of the points has an entry for, in the order in which they are shown."""
    entries: dict[str, Mapping[str, Any]] = {}
    free = set()
    caps: list[float] = []
    for point in points:
        cap = point.value("config", "metrics", "psnr_cap_db")
        caps += [] if cap is None else [float(cap)]
        for column, entry in (point.value("quality") or {}).items():
            entries[column] = {**entries.get(column, {}), **_present(entry)}
            if point.is_baseline and entry.get("value") is not None:
                free.add(column)
    order = {column: place for place, column in enumerate(MAIN)}
    return {
        column: _facts(column, entries[column], column not in free, max(caps, default=None))
        for column in sorted(entries, key=lambda c: (order.get(c, len(order)), c))
    }


def _present(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}


def _facts(
    column: str, entry: Mapping[str, Any], needs_reference: bool, cap_db: float | None
) -> MetricFacts:
    unknown = (column.replace("_", " "), "", needs_reference)
    label, unit, needs_reference = _KNOWN.get(column, unknown)
    better = entry.get("higher_is_better")
    unit = str(entry.get("unit") or unit)
    return MetricFacts(
        column=column,
        label=str(entry.get("label") or label),
        unit=unit,
        higher_is_better=None if better is None else bool(better),
        ideal=entry.get("ideal"),
        cap=cap_db if unit == "dB" else None,
        needs_reference=needs_reference,
        definition=str(entry.get("definition") or ""),
        source=str(entry.get("source") or ""),
    )
