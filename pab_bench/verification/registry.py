"""The verifiers, loaded on demand: a new one adds a file and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pab_bench.verification.base import Verifier

VERIFIERS = (
    "pab_bench.verification.metrics:MetricsVerifier",
    "pab_bench.verification.latte:LatteVerifier",
    "pab_bench.verification.open_sora:OpenSoraVerifier",
    "pab_bench.verification.open_sora_plan:OpenSoraPlanVerifier",
    "pab_bench.verification.open_sora_vae:OpenSoraVaeVerifier",
)
"""Every verifier as "module:class"; the class takes no arguments."""


@dataclass(frozen=True)
class Verifiers:
    """The verifiers that could be loaded, and why the others could not."""

    available: tuple[Verifier, ...]
    unavailable: tuple[str, ...] = ()

    def for_folder(self, folder: Path) -> list[Verifier]:
        """Verifiers that recognise the folder."""
        return [verifier for verifier in self.available if verifier.recognises(folder)]


def load_verifiers(entries: tuple[str, ...] = VERIFIERS) -> Verifiers:
    """Import the verifiers; one whose libraries are absent does not hinder the others."""
    available: list[Verifier] = []
    unavailable: list[str] = []
    for entry in entries:
        module, _, attribute = entry.partition(":")
        try:
            available.append(getattr(import_module(module), attribute)())
        except ImportError as error:
            unavailable.append(f"{entry} ({error})")
    return Verifiers(tuple(available), tuple(unavailable))
