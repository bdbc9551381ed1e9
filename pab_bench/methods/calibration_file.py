"""Files of constants that were measured for one model and sampling: `task=calibrate` writes them.

A file has the digest of what it says in it, so that an edit is noticed; and it says what it holds
for, so that it is refused anywhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pab_bench.files import read_sealed_json
from pab_bench.files.sealed import SEAL
from pab_bench.methods.facts import About
from pab_bench.problems import InvalidSettings, Problem, Problems, shortened

FORMAT = 1
"""Of the file; raise it whenever the same keys come to mean something else."""
_LARGEST = 4_000_000
"""Bytes; a calibration has some ten thousands."""
_DIGITS = 16
"""Hexadecimal ones of the digest that a name has."""
_SHOWN = 60
"""Characters of a prompt that a message shows."""
_SHIPPED = Path(__file__).parent / "calibrated"


class CalibrationRefused(ValueError):
    """A file is no calibration, or one of another method; the message does not name the file."""


@dataclass(frozen=True)
class Calibration:
    """Constants of one method, and what they hold for.

    Attributes:
        path: the file.
        digest: SHA-256 of what it says.
        method: name of the method.
        model: name of the model, as `model_label` has it.
        weights: digest of its weights.
        frames: of a video.
        height: in pixels.
        width: in pixels.
        steps: denoising steps.
        calls: of the transformer, of each lane.
        guidance: scale of classifier-free guidance.
        timesteps: digest of the scheduler's value at every call, as `timesteps_digest`.
        prompts: of all videos that were measured, those that test the fit among them.
        fit: the constants.
    """

    path: Path
    digest: str
    method: str
    model: str
    weights: str
    frames: int
    height: int
    width: int
    steps: int
    calls: int
    guidance: float
    timesteps: str
    prompts: tuple[str, ...]
    fit: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What identities and tables call it: model, method, steps and the digest's beginning."""
        return f"{self.model}-{self.method}-{self.steps}-{self.digest[:_DIGITS]}"

    def check(self, about: About, problems: Problems) -> None:
        """Note everything in which a sampling differs from the one that was measured.

        Args:
            about: the sampling; what it does not tell is not compared.
            problems: receives it.
        """
        known = {
            "model": (about.model, self.model),
            "steps": (about.steps, self.steps),
            "guidance": (about.guidance, self.guidance),
        }
        for key, (wanted, own) in known.items():
            if wanted is not None and wanted != own:
                problems.found.append(self._refuses(f"of {key}={own}, not {key}={wanted}"))
        if about.steps == self.steps and about.timesteps:
            problems.found += self._other_timesteps(about.timesteps)
        measured = [prompt for prompt in about.prompts if prompt in set(self.prompts)]
        if measured:
            reason = (
                f"was calibrated on {len(measured)} of the prompts that are to be measured "
                f"({shortened(measured[0], _SHOWN)!r}); prompts allowed are all but its own "
                f"{len(self.prompts)}: take others, or calibrate on others"
            )
            problems.found.append(Problem(self._setting, reason))
        size = self.frames, self.height, self.width
        if about.size not in (None, size):
            problems.notices.append(
                f"{self._setting}: was measured with frames, height and width of "
                f"{list(size)}, the videos have {list(about.size or ())}"
            )

    def check_timesteps(self, timesteps: Sequence[float]) -> None:
        """Refuse another schedule.

        Args:
            timesteps: the scheduler's value at every call.

        Raises:
            InvalidSettings: if they are others.
        """
        if problems := self._other_timesteps(timesteps):
            raise InvalidSettings(problems)

    def check_weights(self, weights: str) -> None:
        """Refuse other weights.

        Args:
            weights: the digest of those that are to be sampled with.

        Raises:
            InvalidSettings: if they are others.
        """
        if weights != self.weights:
            own, given = self.weights[:_DIGITS], weights[:_DIGITS]
            reason = f"of weights with the digest {own}..., not {given}..."
            raise InvalidSettings([self._refuses(reason)])

    def _other_timesteps(self, timesteps: Sequence[float]) -> list[Problem]:
        if timesteps_digest(timesteps) == self.timesteps:
            return []
        reason = (
            f"of {self.calls} calls at other timesteps than the {len(timesteps)} from "
            f"{timesteps[0]:g} to {timesteps[-1]:g} of this sampling"
        )
        return [self._refuses(reason)]

    def _refuses(self, reason: str) -> Problem:
        return Problem(self._setting, f"is a calibration {reason}; calibrate anew: {_HOW}")

    @property
    def _setting(self) -> str:
        return f"method.calibration={self.path}"


_HOW = "task=calibrate with the same method, model, steps and guidance"


def model_label(name: str, random_weights: bool) -> str:
    """What a calibration calls a model; random weights have the digest of the trained ones."""
    return f"{name} with random weights" if random_weights else name


def timesteps_digest(timesteps: Sequence[float]) -> str:
    """SHA-256 of the scheduler's value at every call."""
    text = json.dumps([float(t) for t in timesteps])
    return hashlib.sha256(text.encode()).hexdigest()


def read_calibration(path: Path, method: str) -> Calibration:
    """Read a calibration of a method.

    Args:
        path: the file.
        method: name of the method.

    Raises:
        CalibrationRefused: if it cannot be read, was changed since it was written, or is one of
            another method.
    """
    try:
        status = path.stat()
        if status.st_size > _LARGEST:
            raise CalibrationRefused(f"is larger than {_LARGEST} bytes: no calibration")
        found = _read(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise CalibrationRefused(f"cannot be read: {error.strerror}") from error
    if found.method != method:
        raise CalibrationRefused(f"is a calibration of {found.method}, not of {method}")
    return found


@lru_cache(maxsize=64)
def _read(path: Path, modified: int, size: int) -> Calibration:
    """Read a file; remembered, since every point of a grid asks for it."""
    del modified, size
    try:
        content = read_sealed_json(path)
        digest = str(json.loads(path.read_text(encoding="utf-8"))[SEAL])
    except ValueError as error:
        raise CalibrationRefused(f"is no calibration: {error}") from error
    if content.get("format") != FORMAT:
        raise CalibrationRefused(f"is of format {content.get('format')}, known is {FORMAT}")
    try:
        model, sampling, videos = (content[key] for key in ("model", "sampling", "videos"))
        return Calibration(
            path,
            digest,
            str(content["method"]),
            str(model["name"]),
            str(model["weights"]),
            int(model["frames"]),
            int(model["height"]),
            int(model["width"]),
            int(sampling["steps"]),
            int(sampling["calls"]),
            float(sampling["guidance"]),
            str(sampling["timesteps"]),
            tuple(map(str, [*videos["prompts"], *videos["held_out"]])),
            dict(content["fit"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationRefused(f"is no calibration: it lacks {error}") from error


def shipped_calibration(method: str, model: str | None) -> Calibration | None:
    """The calibration of a method for a model that ships with the package; None without one."""
    path = _SHIPPED / f"{model}_{method}.json"
    return read_calibration(path, method) if path.is_file() else None


def shipped_for(method: str, about: About) -> Calibration | None:
    """As `shipped_calibration`, if it is one of the steps and guidance of a sampling."""
    own = shipped_calibration(method, about.model)
    if own is None or own.steps != about.steps or about.guidance not in (None, own.guidance):
        return None
    return own


def how_to_calibrate(method: str, about: About) -> str:
    """What to type for a calibration, and which ship for the model, for messages."""
    model = about.model or "MODEL"
    command = f"python -m pab_bench task=calibrate method={method} model={model}"
    command += f" steps={about.steps}"
    if about.guidance is not None:
        command += f" guidance={about.guidance:g}"
    own = shipped_calibration(method, about.model)
    there = ""
    if own is not None:
        there = f" (one ships for {own.steps} steps with guidance {own.guidance:g})"
    return f"`{command}` measures them, and method.calibration=FILE takes them{there}"
