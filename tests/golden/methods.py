"""Golden runs of acceleration methods on small models.

A folder has one JSON for every model, each beside its tensors: `runs` by name, with settings,
decisions and, in the tensors, latents. Which method it is of is told by what its runs have. A new
one is a file here and a line in `READINGS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
)
LATENTS_TOLERANCE = 1e-5
TIMESTEP_TOLERANCE = 2e-4


class Reading(Protocol):
    """How golden files of one method are read."""

    def reads(self, run: Mapping[str, Any]) -> bool:
        """Whether a run is of this method."""

    def method(self, run: Mapping[str, Any]) -> Method:
        """The method with the settings of a run."""

    def deviations(self, run: Mapping[str, Any], followed: Followed) -> int:
        """How many of the recorded decisions were others."""


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
            scene = cache(partial(_scene, content["uses"], folder))
            tensors = load_file(path.with_suffix(".safetensors"))
            for name, run in runs.items():
                reading = _reading(run)
                if reading is None:
                    yield failed_check(path.name, name, "no method is known that has such runs")
                    continue
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


def _scene(uses: str, folder: Path) -> Any:
    from golden.scenes import Used, scene_of

    return scene_of(Used(uses, folder.parent.parent))


def _deviations(reading: Reading, run: Mapping[str, Any], followed: Any) -> float:
    return float(reading.deviations(run, followed()))


def _followed(scene: Any, reading: Reading, run: Mapping[str, Any]) -> Followed:
    from golden.followed import follow

    guidance = float(run["guidance_scale"])
    return follow(scene(), reading.method(run), int(run["num_inference_steps"]), guidance)


def _apart(scene: Any, run: Mapping[str, Any]) -> float:
    times = scene().timesteps(int(run["num_inference_steps"]))
    return max_absolute_difference(times, run["timesteps"])


def _worst(followed: Any, calls: list[int], golden: torch.Tensor) -> float:
    """The largest relative L2 of all calls whose latents were recorded."""
    ours = followed().latents
    return max(relative_l2(ours[c], own) for c, own in zip(calls, golden, strict=True))


def _worst_output(followed: Any, calls: list[int], golden: torch.Tensor) -> float:
    """Likewise of what the transformer has put out, both halves."""
    ours = followed().outputs
    return max(relative_l2(ours[c], own) for c, own in zip(calls, golden, strict=True))
