"""Golden runs of acceleration methods on small models.

A folder has one JSON for every model, each beside its tensors: `runs` by name, with settings,
decisions and, in the tensors, latents. Which method it is of is told by what its runs have. A new
one is a file here and a line in `READINGS`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from golden.library_methods import method_of

from pab_bench.registry import load
from pab_bench.verify.base import Check, check, failed_check, max_absolute_difference, relative_l2

if TYPE_CHECKING:
    import torch
    from golden.followed import Followed

    from pab_bench.methods.base import Method

READINGS = (
    "golden.method_tgate_pab:TGatePabReading",
    "golden.method_tgate:TGateReading",
    "golden.method_delta_dit_pab:DeltaDitReading",
    "golden.method_fastercache:FasterCacheReading",
    "golden.method_teacache:TeaCacheReading",
    "golden.method_adacache:AdaCacheReading",
)
LATENTS_TOLERANCE = 1e-5
GATES_TOLERANCE = 1e-4
TIMESTEP_TOLERANCE = 2e-4


class Reading(Protocol):
    """How golden files of one method are read."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        """Whether a run is of this method."""

    def method(self, run: Mapping[str, Any]) -> Method:
        """The method with the settings of a run."""

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        """How many of the recorded decisions were others."""


@runtime_checkable
class Gated(Protocol):
    """A reading of a method that decides while sampling, by numbers that were recorded."""

    def gates(self, run: Mapping[str, Any]) -> list[float | None] | None:
        """Of every call the number by which was decided; None where they cannot be compared."""


class MethodsVerifier:
    """Checks latents and decisions of every run."""

    name = "methods"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has a run of a known method."""
        return any(_reading(run) for _, runs in _files(folder) for run in runs.values())

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every run."""
        from safetensors.torch import load_file

        for path, runs in _files(folder):
            content = json.loads(path.read_text())
            tensors = load_file(path.with_suffix(".safetensors"))
            for name, run in runs.items():
                reading = _reading(run)
                if reading is None:
                    yield failed_check(path.name, name, "no method is known that has such runs")
                    continue
                scene = cache(partial(_scene, content["uses"], folder, _changes(run)))
                for made in _checks(path.name, name, run, reading, scene, tensors):
                    yield replace(made, method=method_of(reading), model=str(run["model"]))


def _checks(
    file: str, name: str, run: Mapping[str, Any], reading: Reading, scene: Any, tensors: Any
) -> Iterator[Check]:
    """All checks of one run."""
    followed = cache(partial(_followed, scene, reading, run))
    golden = tensors.get(f"outputs/{name}/latents")
    if golden is not None:
        yield check(
            file,
            f"{name}: latents",
            LATENTS_TOLERANCE,
            partial(_worst, followed, run["latent_calls"], golden),
            "relative L2",
        )
    outputs = tensors.get(f"outputs/{name}/model_output")
    if outputs is not None:
        yield check(
            file,
            f"{name}: outputs of the transformer",
            LATENTS_TOLERANCE,
            partial(_worst_output, followed, run["model_output_calls"], outputs),
            "relative L2",
        )
    yield check(
        file,
        f"{name}: timesteps",
        TIMESTEP_TOLERANCE,
        partial(_apart, scene, run),
    )
    yield check(
        file,
        f"{name}: decisions",
        0.0,
        partial(_deviations, reading, run, followed),
        "exact",
    )
    gates = reading.gates(run) if isinstance(reading, Gated) else None
    if gates is not None:
        farthest = partial(_gates_apart, followed, gates)
        yield check(file, f"{name}: gates", GATES_TOLERANCE, farthest, "relative")


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files that are golden runs of methods, with their runs."""
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and {"method", "uses", "runs"} <= set(content):
            model = content.get("model")
            yield (
                path,
                {n: {"model": model, "name": n, **run} for n, run in content["runs"].items()},
            )


@cache
def _readings() -> tuple[Reading, ...]:
    return tuple(load(address)() for address in READINGS)


def _reading(run: Mapping[str, Any]) -> Reading | None:
    return next((reading for reading in _readings() if reading.reads(run)), None)


def _changes(run: Mapping[str, Any]) -> dict[str, Any]:
    """What is otherwise in a run than its scene is recorded."""
    changes = {"overrides": run["overrides"]} if "overrides" in run else {}
    return {**changes, "dtype": "bfloat16"} if run["name"].endswith("bfloat16") else changes


def _scene(uses: str, folder: Path, changes: Mapping[str, Any]) -> Any:
    import torch
    from golden.scenes import Used, scene_of

    own = {k: getattr(torch, v) if k == "dtype" else v for k, v in changes.items()}
    return scene_of(Used(uses, folder.parent.parent), **own)


def _gates_apart(followed: Any, golden: list[float | None]) -> float:
    """The largest relative difference of numbers by which was decided."""
    ours, apart = followed().engine.gates, 0.0
    for call, known in enumerate(golden):
        own = ours.get((0, call))
        if (own is None) != (known is None):
            return math.inf
        if known is not None:
            apart = max(apart, abs(own - known) / abs(known))
    return apart


def _deviations(reading: Reading, run: Mapping[str, Any], followed: Any) -> float:
    return float(reading.deviations(run, followed()))


def _followed(scene: Any, reading: Reading, run: Mapping[str, Any]) -> Followed:
    from golden.followed import follow

    guidance = float(run["guidance_scale"])
    return follow(scene(), reading.method(run), _steps(run), guidance)


def _steps(run: Mapping[str, Any]) -> int:
    """Denoising steps, under the name that upstream has for them."""
    key = "num_inference_steps" if "num_inference_steps" in run else "num_sampling_steps"
    return int(run[key])


def _apart(scene: Any, run: Mapping[str, Any]) -> float:
    times = scene().timesteps(_steps(run))
    return max_absolute_difference(times, run["timesteps"])


def _worst(followed: Any, calls: list[int], golden: torch.Tensor) -> float:
    """The largest relative L2 of all calls whose latents were recorded."""
    ours = followed().latents
    return max(relative_l2(ours[c], own) for c, own in zip(calls, golden, strict=True))


def _worst_output(followed: Any, calls: list[int], golden: torch.Tensor) -> float:
    """Likewise of what the transformer has put out, both halves."""
    ours = followed().outputs
    return max(relative_l2(ours[c], own) for c, own in zip(calls, golden, strict=True))
