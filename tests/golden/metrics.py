"""Our metrics against golden values of the PAB evaluation code and of VBench on real clips."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from golden.metric_clips import ClipChecks, is_measurable, load_image
from golden.vbench_tails import GOLDENS as VBENCH_GOLDENS
from golden.vbench_tails import vbench_checks

from pab_bench.metrics import Metric, get_metric
from pab_bench.verify.base import Check, check, failed_check

GOLDENS = "metrics.json"
EXAMPLE = "lpips_example"
EXAMPLE_VALUES = "values.json"

TOLERANCES = {"psnr": 1e-5, "ssim": 1e-5, "lpips": 1e-4, "temporal_flickering": 1e-6}
"""For files that state none."""


class MetricsVerifier:
    """Checks a folder with `metrics.json` (clips in npz files).

    If they are there, `lpips_example/` and `vbench_goldens.json` are checked, too.

    Clips, pairs, metrics and tolerances are taken from the files.
    """

    name = "metrics"

    def recognises(self, folder: Path) -> bool:
        """Whether the folder holds golden metric values."""
        return (folder / GOLDENS).is_file() or (folder / EXAMPLE / EXAMPLE_VALUES).is_file()

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every clip, every pair and the means over them, then the example images."""
        tolerances = TOLERANCES
        if (folder / GOLDENS).is_file():
            goldens = json.loads((folder / GOLDENS).read_text(encoding="utf-8"))
            tolerances = TOLERANCES | stated_tolerances(goldens)
            if not goldens.get("clips"):
                yield failed_check(GOLDENS, "clips", "the file names no clips")
            for name, clip in goldens.get("clips", {}).items():
                yield from ClipChecks(folder, name, clip, tolerances).run()
        if (folder / EXAMPLE / EXAMPLE_VALUES).is_file():
            yield from _example_checks(folder / EXAMPLE, tolerances["lpips"])
        if (folder / VBENCH_GOLDENS).is_file():
            yield from vbench_checks(folder)


def stated_tolerances(goldens: dict[str, Any]) -> dict[str, float]:
    """Tolerances by metric from every object in `goldens` whose key speaks of tolerances."""
    found: dict[str, float] = {}
    for key, value in goldens.items():
        if not isinstance(value, dict):
            continue
        if "tolerance" in key:
            found |= {
                name: float(number)
                for name, number in value.items()
                if isinstance(number, int | float)
            }
        else:
            found |= stated_tolerances(value)
    return found


def _example_checks(folder: Path, tolerance: float) -> Iterator[Check]:
    """The published LPIPS example: three images, two distances, rounded to the digits given."""
    file = f"{EXAMPLE}/{EXAMPLE_VALUES}"
    goldens = json.loads((folder / EXAMPLE_VALUES).read_text(encoding="utf-8"))
    pairs = re.findall(r"d\((\w+), *(\w+)\)", goldens["order"])
    measured, published = goldens.get("measured", {}), goldens.get("published", {})
    # Published values are of the variant without a map, which differs by up to a few 1e-5.
    for name, metric, values, allowed in (
        ("measured", "lpips", measured.get("alex_v0.1_spatial_mean"), tolerance),
        ("measured", "lpips_nonspatial", measured.get("alex_v0.1_nonspatial"), tolerance),
        ("measured", "lpips_vgg_nonspatial", measured.get("vgg_v0.1_nonspatial"), tolerance),
        ("published", "lpips", published.get("alex_v0.1"), 5e-5),
    ):
        if values is None or not is_measurable(metric):
            continue
        if len(values) != len(pairs):
            yield failed_check(
                file, f"{name} {metric}", f"expected {len(pairs)} distances, got {len(values)}"
            )
            continue
        for (first, second), golden in zip(pairs, values, strict=True):
            yield check(
                file,
                f"{name} {metric}({first}, {second})",
                allowed + _rounding(golden),
                partial(_example_difference, folder, metric, first, second, golden),
            )


def _example_difference(folder: Path, metric: str, first: str, second: str, golden: float) -> float:
    images = [load_image(folder / f"{name}.png") for name in (first, second)]
    found = get_metric(metric)
    assert isinstance(found, Metric)
    return abs(float(found.values(images[0], images[1])[0]) - golden)


def _rounding(golden: float) -> float:
    """Half a unit of the last decimal with which the number is written."""
    decimals = len(repr(golden).partition(".")[2])
    return float(0.5 * 10**-decimals)
