"""The findings as tables in a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pab_bench.claims import texts
from pab_bench.claims.definition import PAPER
from pab_bench.claims.finding import TITLES
from pab_bench.claims.report import Report
from pab_bench.claims.verdict import FAILS, HOLDS, RULE, UNDECIDED, Verdict
from pab_bench.text.missing import MISSING

_STYLES: dict[Verdict, str] = {HOLDS: "green", FAILS: "red", UNDECIDED: "yellow"}


def show(report: Report, console: Console) -> None:
    """Print what came out."""
    console.print(f"[bold]{escape(report.name)}[/bold]", highlight=False)
    for text in texts.bases(report.found):
        console.print(text, highlight=False, soft_wrap=True)
    console.print(_table(report))
    for line in (
        texts.kinds(report.found),
        texts.resting(report.found),
        texts.dominance(report.found),
        texts.dependence(report.found),
        report.control_told,
        RULE,
    ):
        if line:
            console.print(escape(line), highlight=False, soft_wrap=True)


def _table(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=PAPER.name, title_justify="left")
    table.add_column("claim", no_wrap=True)
    table.add_column("of")
    table.add_column("effect [95 %]", no_wrap=True, justify="right")
    table.add_column("verdict", no_wrap=True)
    if report.control is not None:
        table.add_column("random", no_wrap=True)
    table.add_column("remarks", min_width=20)
    control = report.control_verdicts()
    previous = ""
    for finding in report.found.findings:
        beside = []
        if report.control is not None:
            beside = [_styled(control.get((finding.claim, finding.about)))]
        title = "" if finding.claim == previous else TITLES[finding.claim]
        previous = finding.claim
        table.add_row(
            title,
            escape(finding.about),
            escape(texts.effect(finding)),
            _styled(finding.verdict),
            *beside,
            escape(texts.remarks(finding)),
        )
    return table


def _styled(verdict: Verdict | None) -> str:
    return MISSING if verdict is None else f"[{_STYLES[verdict]}]{verdict}[/]"
