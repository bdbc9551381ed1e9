"""The verifiers, loaded on demand: a new one adds a file to `tests/golden` and a line here.

They lie in the repository, beside the goldens that they read, and not in the wheel.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from pab_bench.config.paths import ROOT
from pab_bench.errors import PabBenchError
from pab_bench.registry import load
from pab_bench.verify.base import Verifier

GOLDEN = ROOT / "tests" / "golden"

VERIFIERS = (
    "golden.metrics:MetricsVerifier",
    "golden.latte:LatteVerifier",
    "golden.open_sora:OpenSoraVerifier",
    "golden.open_sora_plan:OpenSoraPlanVerifier",
    "golden.open_sora_vae:OpenSoraVaeVerifier",
    "golden.methods:MethodsVerifier",
    "golden.library_methods:LibraryMethodsVerifier",
    "golden.library_models:LibraryModelsVerifier",
    "golden.sequence_parallel:SequenceParallelVerifier",
)
"""Every verifier as "module:class"; the class takes no arguments."""


class VerifiersMissing(PabBenchError):
    """The verifiers are not here."""


@dataclass(frozen=True)
class Verifiers:
    """The verifiers that could be loaded, and why the others could not."""

    available: tuple[Verifier, ...]
    unavailable: tuple[str, ...] = ()

    def for_folder(self, folder: Path) -> list[Verifier]:
        """Verifiers that recognise the folder."""
        return [verifier for verifier in self.available if verifier.recognises(folder)]


def load_verifiers(entries: tuple[str, ...] = VERIFIERS) -> Verifiers:
    """Import the verifiers; one whose libraries are absent does not hinder the others.

    Raises:
        VerifiersMissing: if pab_bench does not run from its repository.
    """
    if not GOLDEN.is_dir():
        raise VerifiersMissing(
            f"{GOLDEN}: not there. What is compared with golden data lies in the repository, under "
            "tests/golden, and is not part of the installed package: run the command in a checkout"
        )
    if str(GOLDEN.parent) not in sys.path:
        sys.path.append(str(GOLDEN.parent))
    available: list[Verifier] = []
    unavailable: list[str] = []
    for entry in entries:
        try:
            available.append(load(entry)())
        except ImportError as error:
            unavailable.append(f"{entry} ({error})")
    return Verifiers(tuple(available), tuple(unavailable))
