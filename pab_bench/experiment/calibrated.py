"""A method whose constants were calibrated is refused with other weights, before it is sampled."""

from __future__ import annotations

from collections.abc import Iterable

from pab_bench.config.settings import Settings
from pab_bench.experiment.identity import recall_weights
from pab_bench.problems import InvalidSettings, Problem
from pab_bench.registry import load
from pab_bench.systems.registry import SYSTEMS, is_at_hand


def check_weights(settings: Settings, weights: str) -> None:
    """Refuse weights for which a point's method was not calibrated.

    Args:
        settings: the point.
        weights: the digest of those that it is sampled with.

    Raises:
        InvalidSettings: if they are others.
    """
    own = settings.method.calibrated
    if own is not None:
        own.check_weights(weights)


def check_calibrations(points: Iterable[Settings]) -> None:
    """The same for all points of a command, as far as their weights are at hand.

    Weights that would have to be downloaded first are left to the run.

    Raises:
        InvalidSettings: with everything that is wrong at any point.
    """
    problems: dict[Problem, None] = {}
    digests: dict[object, str | None] = {}
    for settings in points:
        if settings.method.calibrated is None:
            continue
        if settings.model not in digests:
            digests[settings.model] = recall_weights(settings) or _of_files(settings)
        digest = digests[settings.model]
        try:
            if digest is not None:
                check_weights(settings, digest)
        except InvalidSettings as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InvalidSettings(problems)


def _of_files(settings: Settings) -> str | None:
    """The digest of files that are here; None where they are not."""
    model = settings.model
    if model.system not in SYSTEMS or not is_at_hand(model):
        return None
    digest: str = load(SYSTEMS.load(model.system).sampler).locate(model).digest()
    return digest
