"""`python -m pab_bench.verify DIR [DIR ...] [--json FILE]`: golden fixtures against our code.

Exit status: 0 if all checks pass, 1 if one fails, 2 if a folder is missing or not recognised, or if
a folder has golden runs that no verifier reads.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pab_bench.errors import PabBenchError
from pab_bench.files import why_no_file
from pab_bench.verify.base import Verifier, run_checks
from pab_bench.verify.golden_runs import holds_runs
from pab_bench.verify.outcome import Outcome
from pab_bench.verify.registry import Verifiers, VerifiersMissing, load_verifiers
from pab_bench.verify.report import as_json, report


class FolderRefused(PabBenchError):
    """A folder that is missing or that no verifier recognises."""


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
        # What a golden file takes from others is looked up from the folder upwards.
        Outcome(folder, verifier.name, tuple(run_checks(verifier, Path(os.path.abspath(folder)))))
        for verifier, folder in work
    ]
    report(outcomes, ignored)
    if options.json:
        options.json.write_text(json.dumps(as_json(outcomes, ignored), indent=1) + "\n", "utf-8")
    if any(check.failed for outcome in outcomes for check in outcome.checks):
        return 1
    return 2 if any(map(holds_runs, ignored)) else 0
