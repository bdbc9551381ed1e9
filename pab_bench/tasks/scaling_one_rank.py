"""How long a video takes on one rank, and whose number that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pab_bench.config.settings import Settings
from pab_bench.engine.plan import Plan
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import baseline_of, identity, recall_weights
from pab_bench.experiment.stored import find_stored
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.speed.known import KnownSpeeds
from pab_bench.store.points import Store
from pab_bench.store.records import Record
from pab_bench.timings.estimate import Speed


@dataclass(frozen=True)
class OneRank:
    """Seconds of one video on one rank, text encoder and decoder included where they count.

    Attributes:
        seconds: without the method.
        seconds_from: whose number that is.
        method_seconds: with it.
        gain_from: whose number the ratio of both is.
        serial: seconds in both that do not divide.
    """

    seconds: float
    seconds_from: str
    method_seconds: float
    gain_from: str
    serial: float

    @property
    def gain(self) -> float:
        """How much faster the method is on one rank."""
        return self.seconds / self.method_seconds


def one_rank(
    settings: Settings, plan: Plan, operations: Callable[[], float], known: KnownSpeeds
) -> OneRank:
    """Take what was given, or measured here; and the method's part of it.

    Args:
        settings: the point.
        plan: its decisions.
        operations: counts the transformer's under the plan, over those without it; it is asked
            only where nothing else tells the gain.
        known: what was timed on this machine.

    Raises:
        ConfigError: if nothing was given and nothing is measured.
    """
    scaling = settings.scaling
    speed = known.speed(settings, plan)
    if scaling.seconds is not None:
        seconds, seconds_from, measured = scaling.seconds, "given", None
    else:
        seconds, seconds_from, measured = _measured(settings, speed)
    divided = seconds - scaling.serial
    gain, gain_from = _gain(settings, operations, speed, measured)
    return OneRank(
        seconds, seconds_from, scaling.serial + divided / gain, gain_from, scaling.serial
    )


def _gain(
    settings: Settings,
    operations: Callable[[], float],
    speed: Speed | None,
    measured: tuple[float, str] | None,
) -> tuple[float, str]:
    """Without what does not divide: the ratio of the seconds that do, and where it is from."""
    scaling = settings.scaling
    if settings.is_baseline():
        return 1.0, "nothing is reused"
    if scaling.gain is not None:
        if scaling.seconds is None or not scaling.serial:
            return scaling.gain, "given"
        divided = scaling.seconds / scaling.gain - scaling.serial
        if divided <= 0:
            raise _problem(
                f"scaling.gain={scaling.gain:g}",
                f"leaves nothing of {scaling.seconds:g} s beside scaling.serial={scaling.serial:g}",
            )
        return (scaling.seconds - scaling.serial) / divided, "given"
    if measured is not None:
        return measured
    if scaling.shares == "times":
        if speed is None or speed.bound is None:
            raise _problem(
                "scaling.shares=times",
                "no calls of this point were timed by kind on this machine; task=speed with the "
                "same arguments does it, or scaling.shares=flops",
            )
        return speed.bound.value, "the times of each kind in timed calls, reusing taking none"
    return 1 / operations(), "operations of the transformer, reusing taking no time"


def _measured(
    settings: Settings, speed: Speed | None
) -> tuple[float, str, tuple[float, str] | None]:
    """Seconds of the baseline, where they are from, and the gain and its, if that is there, too."""
    scaling = settings.scaling
    if scaling.latent_frames is not None:
        raise _problem(
            f"scaling.latent_frames={scaling.latent_frames}",
            "needs scaling.seconds of such a clip: what was measured is of the model's own",
        )
    if speed is not None:
        how = f"timed calls of this machine, by {speed.how}"
        return speed.baseline_seconds + scaling.serial, how, (speed.speedup.value, how)
    baseline = _stored(baseline_of(settings))
    if baseline is None:
        raise _problem(
            "scaling.seconds=null",
            f"{settings.results_dir} has neither timed calls nor a finished baseline of this point "
            "that was made on this machine; give the seconds, or run task=speed or task=run with "
            "the same arguments first",
        )
    seconds = _denoising(baseline)
    own = _stored(settings)
    gain = None if own is None else (seconds / _denoising(own), _where(own))
    return seconds + scaling.serial, _where(baseline), gain


def _stored(settings: Settings) -> Record | None:
    weights = recall_weights(settings)
    if weights is None:
        return None
    record = find_stored(Store(settings.results_dir), identity(settings, weights), verify=False)
    is_there = record is not None and record.status == "ok" and not record.archives
    return record if is_there else None


def _denoising(record: Record) -> float:
    return float(record.timing["denoise_s"]["median"])


def _where(record: Record) -> str:
    machine = record.provenance.get("gpu") or record.provenance.get("cpu") or "an unknown machine"
    return f"denoising of stored point {record.id}, median, on {machine}"


def _problem(setting: str, explanation: str) -> ConfigError:
    return InvalidSettings([Problem(setting, explanation)])
