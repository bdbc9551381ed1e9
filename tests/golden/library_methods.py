"""Golden runs of the acceleration methods of libraries: diffusers and cache-dit.

A folder has one JSON for every model, each beside its tensors, and the models lie beside it in
`models/`; Latte's is that of the folder `latte` beside all. Which method a run is of is told by its
`config`. A new one is a file here and a line in `READINGS`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from pab_bench.errors import ConfigError
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.registry import load
from pab_bench.verify.base import Check, check, failed_check, left_out_check, relative_l2

if TYPE_CHECKING:
    import torch
    from golden.followed import Followed

    from pab_bench.methods.base import Method

READINGS = (
    "golden.method_taylorseer:TaylorSeerReading",
    "golden.method_magcache:MagCacheReading",
    "golden.method_fastercache_diffusers:FasterCacheDiffusersReading",
    "golden.method_seacache:SeaCacheReading",
    "golden.method_dbcache:DBCacheReading",
    "golden.method_first_block_cache:FirstBlockCacheReading",
    "golden.method_pab_diffusers:PabDiffusersReading",
)
LATENTS_TOLERANCE = 1e-5
GATES_TOLERANCE = 1e-4
"""Relative."""
RATIOS_TOLERANCE = 1e-5
"""Absolute; ratios are near 1."""
LANES = {"cond": 0, "uncond": 1, "both": 0, "cond_uncond": 0}
KINDS = {"self": "spatial", "attention": "spatial", "joint": "spatial"}


class Reading(Protocol):
    """How golden files of one method are read."""

    def reads(self, config: Mapping[str, Any]) -> bool:
        """Whether a run is of this method."""

    def method(self, run: Mapping[str, Any]) -> Method:
        """The method with the settings of a run."""


@runtime_checkable
class Selective(Protocol):
    """A reading of files that have runs which are not to be compared."""

    def left_out(self, name: str, run: Mapping[str, Any]) -> str:
        """Why a run is not compared; empty if it is."""


class LibraryMethodsVerifier:
    """Checks latents and decisions of every run."""

    name = "library methods"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has a run of a known method."""
        return any(_reading(run) for _, runs in _files(folder) for run in runs.values())

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every run."""
        from safetensors.torch import load_file

        for path, runs in _files(folder):
            content = json.loads(path.read_text())
            model = content["model"]
            scene = cache(partial(_scene, folder, model))
            recorded = path.with_suffix(".safetensors")
            # Where nothing was skipped, nothing but that was recorded.
            tensors = load_file(recorded) if recorded.exists() else {}
            if "calibration" in content:
                printed = content["calibration"]["lists_printed"]
                apart = partial(_calibration_apart, scene, printed)
                yield check(path.name, "calibration: ratios", RATIOS_TOLERANCE, apart)
            for name, run in runs.items():
                reading = _reading(run)
                if reading is None:
                    yield failed_check(path.name, name, "no method is known that has such runs")
                    continue
                for made in _checks(path.name, name, run, reading, scene, tensors):
                    yield replace(made, method=method_of(reading), model=model)


def method_of(reading: object) -> str:
    """The method that a reading is of, from the name of its file."""
    return type(reading).__module__.rpartition("method_")[2]


def _checks(
    file: str, name: str, run: Mapping[str, Any], reading: Reading, scene: Any, tensors: Any
) -> Iterator[Check]:
    """All checks of one run."""
    if isinstance(reading, Selective) and (why := reading.left_out(name, run)):
        yield left_out_check(file, name, why)
        return
    followed = cache(partial(_followed, scene, reading, run))
    if (reason := _why_refused(run)) is not None:
        yield check(file, f"{name}: refused, {reason}", 0.0, partial(_made, followed), "exact")
        return
    if _skips_nothing(run):
        yield check(file, f"{name}: refused", 0.0, partial(_made, followed), "exact")
        yield from _baseline_checks(file, name, scene, run)
        return
    for key, golden in tensors.items():
        if key.startswith(f"{name}/"):
            step = key.removeprefix(f"{name}/latents_after_step_")
            at = int(step) if step.isdigit() else -1
            apart = partial(_apart, followed, at, golden)
            case = f"{name}: {key.removeprefix(f'{name}/')}"
            yield check(file, case, LATENTS_TOLERANCE, apart, "relative L2")
    deviating = partial(_deviations, followed, run["decisions"])
    yield check(file, f"{name}: decisions", 0.0, deviating, "exact")
    if any(gate["quantity"] is not None for gate in run.get("gates", ())):
        farthest = partial(_gates_apart, followed, run["gates"])
        yield check(file, f"{name}: gates", GATES_TOLERANCE, farthest, "relative")


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files that are golden runs of methods, with their runs."""
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and {"model", "runs"} <= set(content):
            yield path, content["runs"]


@cache
def _readings() -> tuple[Reading, ...]:
    return tuple(load(address)() for address in READINGS)


def _reading(run: Mapping[str, Any]) -> Reading | None:
    config = run.get("config")
    if not isinstance(config, dict):
        return None
    return next((reading for reading in _readings() if reading.reads(config)), None)


def _scene(folder: Path, model: str) -> Any:
    from golden.scenes import Used, scene_of
    from golden.scenes_two_lanes import PipelineScene

    own = folder.parent / "models" / f"{model}.json"
    if own.exists():
        return PipelineScene(own)
    return scene_of(Used("latte/latte_tiny_pab: all", folder.parent.parent))


def _followed(scene: Any, reading: Reading, run: Mapping[str, Any]) -> Followed:
    from golden.followed import follow

    own = scene()
    return follow(own, reading.method(run), own.steps, own.guidance)


def _why_refused(run: Mapping[str, Any]) -> str | None:
    """Why a run must be refused here: upstream raises, or does without a word what is not meant.

    What is checked of such a run is that it is refused, and nothing else.
    """
    if "error" in run:
        return "as upstream"
    if run["config"].get("is_guidance_distilled"):
        return "not imitated: upstream, the two calls of a step share one state"
    visits = [
        (2 if lane == "both" else 1, entry["calls"])
        for lanes in run["decisions"].values()
        for lane, entries in lanes.items()
        for entry in entries
    ]
    if any(int(digit) > whole for whole, calls in visits for digit in calls):
        return "not imitated: upstream, blocks compute more than once in a call"
    says_cached = any(steps for own in run.get("reported", ()) for steps in own.values())
    if says_cached and all(calls == f"{whole}" * len(calls) for whole, calls in visits):
        return "not imitated: upstream, calls count as cached at which everything computes"
    return None


def _skips_nothing(run: Mapping[str, Any]) -> bool:
    """Whether upstream computes everything although it is switched on: it failed silently."""
    return bool(run.get("bit_equal_to_baseline")) and "power_exp" in run["config"]


def _baseline_checks(file: str, name: str, scene: Any, run: Mapping[str, Any]) -> Iterator[Check]:
    """That what was recorded is a baseline: bit-equal latents, and everything computed."""
    apart = float(run["relative_l2_to_baseline"])
    case = f"{name}: upstream's latents are its baseline's"
    yield check(file, case, 0.0, lambda: apart, "relative L2")
    deviating = partial(_deviations, partial(_baseline, scene), run["decisions"])
    yield check(file, f"{name}: upstream skips nothing", 0.0, deviating, "exact")


def _baseline(scene: Any) -> Followed:
    from golden.followed import follow

    own = scene()
    return follow(own, PyramidAttentionBroadcast(), own.steps, own.guidance)


def _made(followed: Any) -> float:
    """1 if a video is made, 0 if it is refused."""
    try:
        followed()
    except ConfigError:
        return 0.0
    return 1.0


def _calibration_apart(scene: Any, printed: list[list[float]]) -> float:
    """The largest difference of ratios that are measured; infinity for other lanes or calls."""
    from golden.method_magcache import calibrated

    own = scene()
    ours = calibrated(own, own.steps, own.guidance)
    if [len(lane) for lane in ours] != [len(lane) for lane in printed]:
        return math.inf
    return float(np.abs(np.array(ours) - np.array(printed)).max())


def _gates_apart(followed: Any, golden: list[Mapping[str, Any]]) -> float:
    """The largest relative difference of the numbers by which was decided.

    Infinite where one side has decided by a number, and the other has not.
    """
    ours = followed().engine.gates
    made: dict[int, int] = {}
    largest = 0.0
    lanes = 1 + max((lane for lane, _ in ours), default=0)
    for number, gate in enumerate(golden):
        lane = number % lanes if gate["lane"] is None else LANES[gate["lane"]]
        call = made[lane] = made.get(lane, -1) + 1
        own, known = ours.get((lane, call)), gate["quantity"]
        if own is None or known is None:
            apart = 0.0 if own is known else math.inf
        else:
            apart = abs(own / known - 1)
        largest = max(largest, apart)
    return largest


def _apart(followed: Any, step: int, golden: torch.Tensor) -> float:
    ours = followed().latents[step]
    return relative_l2(ours.reshape(golden.shape), golden)


def _deviations(followed: Any, golden: Mapping[str, Mapping[str, Any]]) -> float:
    """Decisions in halves of the guidance batch, or in calls, that are others than recorded."""
    ledger = followed().engine.ledger
    groups = {group.name: group for group in ledger.visits}
    total = 0
    for kind, lanes in golden.items():
        name = KINDS.get(kind, kind)
        group = groups[name] if name in groups else groups[f"{name}_spatial"]
        for lane, entries in lanes.items():
            number = LANES[lane]
            halves = ledger.rows[number] if lane == "both" else (ledger.rows[number] > 0)
            computed = (ledger.visits[group][number] == 1) * np.asarray(halves, int)[:, None]
            for entry in entries:
                expected = np.array([int(digit) for digit in entry["calls"]])[:, None]
                total += int((computed[:, entry["blocks"]] != expected).sum())
    return float(total)
