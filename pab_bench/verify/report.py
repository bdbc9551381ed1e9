"""Outcomes as tables and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pab_bench.text.missing import MISSING
from pab_bench.verify.base import Check
from pab_bench.verify.golden_runs import holds_runs
from pab_bench.verify.outcome import MethodOnModel, Outcome, by_method

if TYPE_CHECKING:
    from rich.table import Table


def report(outcomes: Sequence[Outcome], ignored: Sequence[Path]) -> None:
    """Print the checks, a table by method and model, and one line per folder."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # A pipe has no width; the default of 80 breaks the columns.
    for outcome in outcomes:
        console.print(_checks(outcome))
    if methods := list(by_method(outcomes)):
        console.print(_methods(methods))
    for outcome in outcomes:
        console.print(Text(outcome.summary()), soft_wrap=True)
    for path in ignored:
        reason = "was not recognised and not checked"
        if holds_runs(path):
            reason = "NOT CHECKED: has golden runs, and no verifier reads them"
        console.print(Text(f"note: {path} {reason}"), soft_wrap=True)


def _checks(outcome: Outcome) -> Table:
    """One row for every check; method and model have columns where there are any."""
    from rich.table import Table
    from rich.text import Text

    named = any(check.method or check.model for check in outcome.checks)
    table = Table(title=Text(str(outcome.folder)))
    names = ("method", "model") if named else ()
    for heading in (*names, "file", "case", "measure", "value", "tolerance", "pass"):
        table.add_column(heading, overflow="fold")
    for check in outcome.checks:
        who = (Text(check.method), Text(check.model)) if named else ()
        table.add_row(
            *who,
            Text(check.file),
            Text(check.case),
            check.measure,
            Text(check.error or check.left_out or f"{check.value:.3g}"),
            MISSING if check.left_out else f"{check.tolerance:.3g}",
            _verdict(check),
        )
    return table


def _verdict(check: Check) -> Any:
    from rich.text import Text

    if check.left_out:
        return Text("left out", "yellow")
    return Text("yes", "green") if check.passed else Text("NO", "bold red")


def _methods(methods: Sequence[MethodOnModel]) -> Table:
    """One row for every method and model."""
    from rich.table import Table

    table = Table(title="by method and model")
    for heading in ("method", "model", "checks", "passed", "left out", "largest relative L2"):
        table.add_column(heading, overflow="fold")
    table.add_column("deviating decisions")
    for own in methods:
        left_out = sum(bool(check.left_out) for check in own.checks)
        farthest, deviating = own.largest("relative L2"), own.largest("exact")
        table.add_row(
            own.method,
            own.model,
            str(len(own.checks) - left_out),
            str(sum(check.passed for check in own.checks)),
            str(left_out),
            MISSING if farthest is None else f"{farthest:.2g}",
            MISSING if deviating is None else f"{deviating:.0f}",
        )
    return table


def as_json(outcomes: Sequence[Outcome], ignored: Sequence[Path]) -> dict[str, Any]:
    """The checks and a summary; values that are not finite become null, as JSON has none."""
    checks = [
        asdict(check)
        | {
            "value": check.value if math.isfinite(check.value) else None,
            "passed": None if check.left_out else check.passed,
            "folder": str(outcome.folder),
            "verifier": outcome.verifier,
        }
        for outcome in outcomes
        for check in outcome.checks
    ]
    made = sum(len(outcome.made) for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    return {
        "checks": checks,
        "summary": {
            "checks": made,
            "passed": passed,
            "failed": made - passed,
            "left_out": len(checks) - made,
            "not_recognised": [str(path) for path in ignored],
            "golden_runs_not_checked": [str(path) for path in ignored if holds_runs(path)],
        },
    }
