"""What determines a point's numbers, with what only this machine knows."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pab_bench.broadcast.rules import Rules
from pab_bench.config.settings import Settings
from pab_bench.experiment.device import device_kind, resolve_device
from pab_bench.experiment.provenance import decisive_versions
from pab_bench.samplers.weights import Weights
from pab_bench.store.known_models import KnownModels


def identity(settings: Settings, weights_digest: str) -> dict[str, Any]:
    """Everything that determines a point's numbers.

    Raises:
        ConfigError: if the device asked for is not here.
    """
    return {
        **settings.identity(),
        "weights": weights_digest,
        "versions": decisive_versions(),
        "device": device_kind(resolve_device(settings.device)),
    }


def baseline_of(settings: Settings) -> Settings:
    """The same configuration with nothing reused."""
    return replace(settings, rules=Rules(), broadcast_object="output")


def digest_weights(settings: Settings, weights: Weights, cache: Path) -> str:
    """The digest of the loaded weights; it is remembered for `recall_weights`."""
    digest = weights.digest(cache)
    files = {
        path
        for part, folder in weights.folders.items()
        for patterns in weights.required[part].values()
        for pattern in patterns
        for path in folder.glob(pattern)
    }
    KnownModels(settings.results_dir).remember(asdict(settings.model), sorted(files), digest)
    return digest


def recall_weights(settings: Settings) -> str | None:
    """The digest of the weights without looking for them; None if they are new to this store."""
    return KnownModels(settings.results_dir).recall(asdict(settings.model))
