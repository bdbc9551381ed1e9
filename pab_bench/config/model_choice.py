"""`conf/model`: a checkpoint, at a size, with what is recommended for it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from pab_bench.config.folders import is_folder
from pab_bench.methods.windows import SaidWindow
from pab_bench.names import DTYPES
from pab_bench.problems import Problems, check_name
from pab_bench.systems.model import FROM_CHECKPOINT, ModelSettings
from pab_bench.systems.open_sora import sizes as open_sora
from pab_bench.systems.open_sora_plan import sizes as open_sora_plan
from pab_bench.systems.registry import SYSTEMS
from pab_bench.systems.timesteps.known import SCHEDULES, check_steps

OFFLOADS = ("none", "model", "sequential")
LATENT_SCALE = 8
"""Frames are encoded at an eighth of their size by samplers whose tokens are not known here."""
_MOST = {"depth": 2**10, "frames": 2**16, "height": 2**14, "width": 2**14}
"""Far more than is ever sampled; beyond it, not even counting comes to an end."""
_ADDRESS = re.compile(r"\w+(\.\w+)*:\w+")


@dataclass(frozen=True)
class Windows:
    """A model's recommended window per kind: [low, high] timesteps, both excluded; or a share.

    None for a kind of attention that the model does not have.
    """

    spatial: SaidWindow
    temporal: SaidWindow
    cross: SaidWindow
    mlp: SaidWindow


@dataclass(frozen=True)
class KeyedMlp:
    """A model's recommended MLP broadcast, which the presets take.

    Attributes:
        keys: timesteps whose output is reused; None = nothing is recommended.
        reuse_steps: by how many steps.
        block: [first, last] block; None = all.
        key_distance: how far a key may be from the timestep at which it takes effect.
    """

    keys: tuple[int, ...] | None = None
    reuse_steps: int = 2
    block: tuple[int, ...] | None = None
    key_distance: int = 0


@dataclass(frozen=True, kw_only=True)
class ModelChoice(ModelSettings):
    """A model with what is taken where the user says nothing.

    Attributes:
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        dtype: `float32`, `float16` or `bfloat16`.
        threshold: windows of the rules.
        mlp: MLP broadcast of the presets.
    """

    steps: int = field(metadata=FROM_CHECKPOINT)
    guidance: float = field(metadata=FROM_CHECKPOINT)
    dtype: str
    threshold: Windows
    mlp: KeyedMlp = field(default_factory=KeyedMlp)

    def __post_init__(self) -> None:
        """Refuse what the system cannot sample, as far as that is known without its weights."""
        problems = self._checked()
        problems.raise_if_any()

    def notices(self) -> list[str]:
        """What the user should know about the size of the video."""
        # A mini has a size of its own.
        return [] if self.repository is None else self._checked().notices

    def settings(self) -> ModelSettings:
        """The model alone."""
        return ModelSettings(**{f.name: getattr(self, f.name) for f in fields(ModelSettings)})

    def _checked(self) -> Problems:
        problems = Problems("model")
        check_name("name", self.name, problems)
        problems.at_least("depth", self.depth, 1)
        problems.at_least("frames", self.frames, 1)
        for key, most in _MOST.items():
            if getattr(self, key) > most:
                problems.add(key, getattr(self, key), f"must be at most {most}")
        _CHECKS.get(self.schedule or "", _check_size)(self, problems)
        check_steps("steps", self.steps, self.schedule, problems)
        check_guidance("guidance", self.guidance, problems)
        problems.choice("dtype", self.dtype, DTYPES)
        problems.choice("offload", self.offload, OFFLOADS)
        if self.flow_shift is not None:
            _check_flow_shift(self, self.flow_shift, problems)
        problems.choice("schedule", self.schedule, SCHEDULES)
        own = SYSTEMS.load(self.system).schedule if self.system in SYSTEMS else None
        if self.schedule in SCHEDULES and own not in (None, self.schedule):
            message = f"must be {own}, the timesteps of {self.system}, or null: known when loaded"
            problems.add("schedule", self.schedule, message)
        if not _ADDRESS.fullmatch(self.system):
            problems.choice("system", self.system, SYSTEMS)
        for key, folder in (
            ("path", self.path),
            ("vae.path", self.vae.path),
            ("text_encoder.path", self.text_encoder.path),
        ):
            if folder is not None and not is_folder(folder):
                way = _MADE_BY.get(folder, "null = the model's own source")
                problems.add(key, folder, f"is not a folder; {way}")
        return problems


_MADE_BY: Mapping[str, str] = {
    "models/cogvideox_tiny": "python -m pab_bench.minis.random_cogvideox makes it, here"
}
"""Folders that a command of ours writes."""


def check_guidance(key: str, value: float | None, problems: Problems) -> None:
    """Guidance is a finite scale; up to 1 it is off."""
    problems.finite(key, value, 0, "of at least 0 (up to 1: no guidance)")


def _check_flow_shift(model: ModelChoice, shift: float, problems: Problems) -> None:
    if not (math.isfinite(shift) and shift > 0):
        problems.add("flow_shift", shift, "must be a number above 0, or null")
    elif model.system in SYSTEMS and SYSTEMS.load(model.system).defaults is None:
        problems.add("flow_shift", shift, f"must be null: {model.system} has no such choice")


def _check_size(model: ModelChoice, problems: Problems) -> None:
    known = model.system in SYSTEMS
    multiple = SYSTEMS.load(model.system).pixel_multiple if known else LATENT_SCALE
    for key in ("height", "width"):
        value: int = getattr(model, key)
        if value < multiple or value % multiple:
            problems.add(key, value, f"must be a positive multiple of {multiple}")


def _check_rectified_flow(model: ModelChoice, problems: Problems) -> None:
    open_sora.check_video(model.frames, model.height, model.width, problems)
    if not (math.isfinite(model.transform_scale) and model.transform_scale > 0):
        problems.add("transform_scale", model.transform_scale, "must be above 0")


def _check_pndm(model: ModelChoice, problems: Problems) -> None:
    open_sora_plan.check_video(model.frames, model.height, model.width, problems)


_CHECKS: dict[str, Callable[[ModelChoice, Problems], None]] = {
    "rectified_flow": _check_rectified_flow,
    "pndm": _check_pndm,
}
