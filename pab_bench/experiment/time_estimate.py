"""How long points will take, from what earlier ones took."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pab_bench.config.settings import Settings
from pab_bench.experiment.device import device_kind, resolve_device
from pab_bench.experiment.identity import settings_identity
from pab_bench.experiment.planned import Planned
from pab_bench.store.points import Store
from pab_bench.store.records import Record

Denoise = Callable[[Planned, int], "float | None"]


@dataclass(frozen=True)
class Rates:
    """Medians over earlier points of the same model, size, dtype and device.

    Attributes:
        step_s: seconds of a computed denoising step.
        video_s: seconds that a video takes besides: text encoding, decoding, metrics.
        records: how many points they come from.
    """

    step_s: float
    video_s: float
    records: int

    def seconds(self, point: Planned, denoise: Denoise | None = None) -> float | None:
        """What a point will take; None if the number of its steps is not known.

        Args:
            point: which.
            denoise: seconds of denoising a video from some call on, as timed calls give them;
                None, or where it gives None, counts steps of earlier points.
        """
        if point.plan is None:
            return None
        settings = point.settings
        calls = point.plan.calls

        def seconds(first: int) -> float:
            timed = None if denoise is None else denoise(point, first)
            return (calls - first) * self.step_s if timed is None else timed

        again = settings.measure.warmups + settings.measure.repeats - 1
        if point.is_baseline and settings.record.curves:
            again += 1  # Attention differences are recorded in a pass of their own.
        sampled = seconds(point.replayed) + (again * seconds(0) if again else 0.0)
        return point.videos * (sampled + self.video_s)


def earlier_records(settings: Settings) -> list[Record]:
    """The finished points in the store that tell how long `settings` will take."""
    own = settings_identity(settings)
    place = {
        "model": own["model"],
        "dtype": own["dtype"],
        "device": device_kind(resolve_device(settings.device)),
    }
    return [
        record
        for record in Store(settings.results_dir).records()
        if record.has_numbers
        and not record.archives  # Another machine's times.
        and "point_s" in record.timing
        and all(record.config.get(key) == value for key, value in place.items())
    ]


def rates(records: Sequence[Record]) -> Rates | None:
    """The rates of earlier points; None without any."""
    if not records:
        return None
    steps, videos = [], []
    for record in records:
        timing = record.timing
        count = len(record.prompts) * len(record.seeds)
        steps.append(timing["denoise_s"]["median"] / record.plan["calls"])
        videos.append(
            timing["encode_s"]["median"]
            + timing["decode_s"]["median"]
            + timing["metrics_s"]["median"] / count
        )
    return Rates(statistics.median(steps), statistics.median(videos), len(records))
