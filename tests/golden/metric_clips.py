"""The checks of one golden clip: its pairs, its temporal flickering, the means over its pairs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from pab_bench.metrics import (
    METRICS,
    MeanSquaredError,
    Metric,
    TemporalFlickering,
    get_metric,
    mean_in_batches,
    mean_of_frames,
    mean_of_videos,
)
from pab_bench.metrics.base import Frames, Values
from pab_bench.verify.base import Check, check, failed_check, max_absolute_difference

REFERENCE = "ref"
DATASET_KEY = re.compile(r"dataset_of_(?P<count>\d+)_pairs_(?P<pairs>.+)")
BATCHED_KEY = re.compile(r"upstream_eval_batch(?P<size>\d+)")
VARIANTS = {
    "lpips_alex_nonspatial": "lpips_nonspatial",
    "lpips_vgg_spatial": "lpips_vgg",
    "lpips_vgg_nonspatial": "lpips_vgg_nonspatial",
}
"""Golden values of the `lpips` package by key; our metrics' names."""
SQUARED_ERROR_TOLERANCE = 1e-12
"""Both sides are exact sums in float64, up to their order."""


class ClipChecks:
    """Checks one clip: arrays in an npz file, golden values of its pairs in `golden`."""

    def __init__(
        self, folder: Path, name: str, golden: dict[str, Any], tolerances: dict[str, float]
    ) -> None:
        """Note where the clip lies; nothing is read before the first check is computed."""
        self.file = str(golden.get("file", f"{name}.npz"))
        self._path = folder / self.file
        self._name = name
        self._golden = golden
        self._tolerances = tolerances
        self._values = cache(self._measure)

    def run(self) -> Iterator[Check]:
        """Yield every check of the clip; a part without anything to compare is a failed check."""
        if "arrays_sha256" in self._golden:
            yield check(self.file, f"{self._name} inputs", 0, self._damaged_arrays, "exact")
        yield from self._flickering_checks(REFERENCE, self._golden, "temporal_flickering_of_ref")
        if not self._golden.get("pairs"):
            yield failed_check(self.file, f"{self._name} pairs", "the file names no pairs")
        for pair, golden in self._golden.get("pairs", {}).items():
            nothing = failed_check(self.file, f"{self._name} {pair}", "no known golden value")
            yield from list(self._pair_checks(pair, golden)) or [nothing]
        for key, means in self._golden.items():
            if match := DATASET_KEY.fullmatch(key):
                yield from self._set_checks(match["pairs"], int(match["count"]), means)

    def _check(self, case: str, tolerance: float, difference: Callable[[], float]) -> Check:
        return check(self.file, f"{self._name} {case}", tolerance, difference)

    def _tolerance(self, metric: str) -> float:
        return self._tolerances.get(metric, 0.0)

    def _pair_checks(self, pair: str, golden: dict[str, Any]) -> Iterator[Check]:
        for metric, values in golden.get("upstream", {}).items():
            yield from self._metric_checks(pair, metric, values)
        errors = golden.get("cross_check", {}).get("mse_float64")
        if errors is not None:
            yield self._check(
                f"{pair} mse per frame",
                SQUARED_ERROR_TOLERANCE,
                lambda: max_absolute_difference(
                    MeanSquaredError().values(self._video(pair), self._arrays[REFERENCE]), errors
                ),
            )
        for key, metric in VARIANTS.items():
            values = golden.get("cross_check", {}).get(key)
            if values is not None and is_measurable(metric):
                yield self._check(
                    f"{pair} {metric} per frame",
                    self._tolerance("lpips"),
                    partial(self._variant_difference, pair, metric, values),
                )
        yield from self._flickering_checks(pair, golden, "temporal_flickering_of_distorted")

    def _variant_difference(self, pair: str, metric: str, golden: list[float]) -> float:
        return max_absolute_difference(self._values(pair, metric), golden)

    def _set_checks(self, pairs: str, count: int, golden: dict[str, Any]) -> Iterator[Check]:
        for metric, means in golden.items():
            for kind, value in means.items():
                yield self._check(
                    f"{pairs} {metric} {kind}",
                    self._tolerance(metric),
                    partial(self._set_difference, pairs, count, metric, kind, value),
                )

    def _metric_checks(self, pair: str, metric: str, golden: dict[str, Any]) -> Iterator[Check]:
        if "per_frame" in golden:
            yield self._check(
                f"{pair} {metric} per frame",
                self._tolerance(metric),
                lambda: max_absolute_difference(self._values(pair, metric), golden["per_frame"]),
            )
        if "video" in golden:
            yield self._check(
                f"{pair} {metric} video",
                self._tolerance(metric),
                lambda: abs(_video_mean(self._values(pair, metric)) - golden["video"]),
            )

    def _flickering_checks(self, video: str, holder: dict[str, Any], key: str) -> Iterator[Check]:
        golden = holder.get(key, {})
        metric = TemporalFlickering.name
        if "mae_per_pair_0_255" in golden:
            yield self._check(
                f"{video} {metric} per frame pair",
                self._tolerance(metric),
                lambda: max_absolute_difference(
                    TemporalFlickering().values(self._video(video)),
                    1 - np.asarray(golden["mae_per_pair_0_255"], dtype=np.float64) / 255,
                ),
            )
        if "score" in golden:
            yield self._check(
                f"{video} {metric} video",
                self._tolerance(metric),
                lambda: abs(
                    _video_mean(TemporalFlickering().values(self._video(video))) - golden["score"]
                ),
            )

    def _set_difference(
        self, joined: str, count: int, metric: str, kind: str, golden: float
    ) -> float:
        pairs = split_names(joined, set(self._golden.get("pairs", {})), count)
        videos = [self._values(pair, metric) for pair in pairs]
        if kind == "mean_of_videos":
            mean = mean_of_videos([mean_of_frames(video) for video in videos])
            if mean.value is None or mean.missing:
                raise ValueError(f"no mean over all videos: {mean}")
            return abs(mean.value - golden)
        if batched := BATCHED_KEY.fullmatch(kind):
            return abs(mean_in_batches(videos, int(batched["size"])) - golden)
        raise ValueError(f"unknown kind of mean {kind!r}")

    def _measure(self, pair: str, metric: str) -> Values:
        found = get_metric(metric)
        if not isinstance(found, Metric):
            raise ValueError(f"{metric} is no metric of single videos")
        return found.values(self._video(pair), self._arrays[REFERENCE])

    @cached_property
    def _arrays(self) -> dict[str, Frames]:
        with np.load(self._path, allow_pickle=False) as archive:
            return dict(archive)

    def _video(self, name: str) -> Frames:
        return video_of_pair(name, self._arrays)

    def _damaged_arrays(self) -> float:
        """How many arrays are not those that the golden values were computed from."""
        digests: dict[str, str] = self._golden["arrays_sha256"]
        return sum(
            name not in self._arrays
            or hashlib.sha256(np.ascontiguousarray(self._arrays[name]).data).hexdigest() != digest
            for name, digest in digests.items()
        )


def is_measurable(metric: str) -> bool:
    """Whether the weights that a metric needs are here; it is checked only where they are."""
    return all(file.find(None) is not None for file in METRICS[metric].weights)


def video_of_pair(name: str, arrays: dict[str, Frames]) -> Frames:
    """The distorted video of a pair: stored under its name, or derived from the stored arrays.

    Args:
        name: a stored array or one of `identical`, `half_identical`, `one_lsb`, `static`.
        arrays: the stored videos, `ref` among them, each of shape (frames, height, width, 3).

    Raises:
        KeyError: if the pair is neither stored nor one of those four.
    """
    if name in arrays:
        return arrays[name]
    reference = arrays[REFERENCE]
    frames = len(reference)
    match name:
        case "identical":
            return reference
        case "half_identical":
            return np.concatenate([reference[: frames // 2], arrays["noise"][frames // 2 :]])
        case "one_lsb":
            changed = reference.copy()
            sample = changed[:, 0, 0, 0]
            changed[:, 0, 0, 0] = np.where(sample == 255, 254, sample + (sample < 255))
            return changed
        case "static":
            return np.repeat(reference[:1], frames, axis=0)
    raise KeyError(f"pair {name!r} is neither stored (got {', '.join(arrays)}) nor derivable")


def split_names(joined: str, names: set[str], count: int) -> list[str]:
    """Split `count` names that were joined with "_", where names may contain "_" themselves.

    Raises:
        ValueError: if that cannot be done.

    Example:
        >>> split_names("noise_one_lsb", {"noise", "one_lsb", "blur"}, 2)
        ['noise', 'one_lsb']
    """
    for name in sorted(names):
        if count == 1 and joined == name:
            return [name]
        if count > 1 and joined.startswith(f"{name}_"):
            try:
                return [name, *split_names(joined.removeprefix(f"{name}_"), names, count - 1)]
            except ValueError:
                continue
    raise ValueError(f"expected {count} of {sorted(names)} joined with '_', got {joined!r}")


def load_image(path: Path) -> Frames:
    """Read an RGB image as a video of one frame, uint8 of shape (1, height, width, 3)."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))[np.newaxis]


def _video_mean(values: Values) -> float:
    mean = mean_of_frames(values)
    if mean.value is None:
        raise ValueError(mean.reason)
    return mean.value
