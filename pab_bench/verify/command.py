"""`python -m pab_bench.verify DIR [DIR ...] [--json FILE]`: golden fixtures against our code.

Exit status: 0 if all checks pass, 1 if one fails, 2 if a folder is missing or not recognised.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pab_bench.errors import PabBenchError
from pab_bench.files import why_no_file
from pab_bench.verify.base import Check, Verifier, run_checks
from pab_bench.verify.registry import Verifiers, VerifiersMissing, load_verifiers


class FolderRefused(PabBenchError):
    """A folder that is missing or that no verifier recognises."""


@dataclass(frozen=True)
class Outcome:
    """What a verifier found in a folder."""

    folder: Path
    verifier: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> int:
        """Number of passed checks."""
        return sum(check.passed for check in self.checks)

    def summary(self) -> str:
        """One line: folder, verifier, passed of all."""
        verdict = "pass" if self.passed == len(self.checks) else "FAIL"
        return (
            f"{verdict}: {self.folder} ({self.verifier}): "
            f"{self.passed} of {len(self.checks)} checks passed"
        )


def find_work(folder: Path, verifiers: Verifiers) -> tuple[list[tuple[Verifier, Path]], list[Path]]:
    """Verifiers for the folder or, if none recognises it, for its sub-folders.

    Returns:
        The pairs of verifier and folder to run, and the sub-folders that no verifier recognises.

    Raises:
        FolderRefused: if the folder is missing or nothing in it is recognised; also if some
            sub-folder is not and a verifier that might have could not be loaded.
    """
    if not folder.is_dir():
        raise FolderRefused(f"{folder}: expected a folder, it does not exist or is a file")
    if direct := verifiers.for_folder(folder):
        return [(verifier, folder) for verifier in direct], []
    children = sorted(path for path in folder.iterdir() if path.is_dir())
    work = [(verifier, child) for child in children for verifier in verifiers.for_folder(child)]
    ignored = [child for child in children if child not in {path for _, path in work}]
    if not work or (ignored and verifiers.unavailable):
        refused = ", ".join(map(str, ignored)) if work else str(folder)
        known = ", ".join(verifier.name for verifier in verifiers.available)
        message = f"{refused}: not recognised by its files; verifiers: {known}"
        if verifiers.unavailable:
            message += f"; not loaded: {', '.join(verifiers.unavailable)}"
        raise FolderRefused(message)
    return work, ignored


def report(outcomes: Sequence[Outcome], ignored: Sequence[Path]) -> None:
    """Print the table of checks and one summary line per folder."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # A pipe has no width; the default of 80 breaks the columns.
    for outcome in outcomes:
        table = Table(title=Text(str(outcome.folder)))
        for heading in ("file", "case", "measure", "value", "tolerance", "pass"):
            table.add_column(heading, overflow="fold")
        for check in outcome.checks:
            table.add_row(
                Text(check.file),
                Text(check.case),
                check.measure,
                Text(check.error) if check.error else f"{check.value:.3g}",
                f"{check.tolerance:.3g}",
                Text("yes", "green") if check.passed else Text("NO", "bold red"),
            )
        console.print(table)
    for path in ignored:
        console.print(Text(f"note: {path} was not recognised and not checked"))
    for outcome in outcomes:
        console.print(Text(outcome.summary()), soft_wrap=True)


def as_json(outcomes: Sequence[Outcome], ignored: Sequence[Path]) -> dict[str, Any]:
    """The checks and a summary; values that are not finite become null, as JSON has none."""
    checks = [
        asdict(check)
        | {
            "value": check.value if math.isfinite(check.value) else None,
            "passed": check.passed,
            "folder": str(outcome.folder),
            "verifier": outcome.verifier,
        }
        for outcome in outcomes
        for check in outcome.checks
    ]
    passed = sum(outcome.passed for outcome in outcomes)
    return {
        "checks": checks,
        "summary": {
            "checks": len(checks),
            "passed": passed,
            "failed": len(checks) - passed,
            "not_recognised": [str(path) for path in ignored],
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pab_bench.verify", description=__doc__)
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the checks there too")
    options = parser.parse_args(arguments)
    work: list[tuple[Verifier, Path]] = []
    ignored: list[Path] = []
    try:
        verifiers = load_verifiers()
        for folder in options.folders:
            found, unknown = find_work(folder, verifiers)
            work += found
            ignored += unknown
        reason = None if options.json is None else why_no_file(options.json.absolute())
        if reason is not None:
            raise FolderRefused(f"--json {options.json}: nothing can be written there: {reason}")
    except (FolderRefused, VerifiersMissing) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    outcomes = [
        Outcome(folder, verifier.name, tuple(run_checks(verifier, folder)))
        for verifier, folder in work
    ]
    report(outcomes, ignored)
    if options.json:
        options.json.write_text(json.dumps(as_json(outcomes, ignored), indent=1) + "\n", "utf-8")
    return 0 if all(check.passed for outcome in outcomes for check in outcome.checks) else 1
