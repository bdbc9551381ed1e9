"""The findings as Markdown."""

from __future__ import annotations

from pab_bench.claims import texts
from pab_bench.claims.definition import PAPER
from pab_bench.claims.finding import TITLES
from pab_bench.claims.report import Report
from pab_bench.claims.segmentation import MOST_CHANGES
from pab_bench.claims.verdict import RULE
from pab_bench.text.markdown import markdown_table
from pab_bench.text.missing import MISSING

FIGURE = "stable_segment"
_SIGNS = {"holds": "holds", "does not hold": "**no**", "undecided": "?"}


_METHOD = (
    "Change points of the logarithm of the curve (mean over blocks): piecewise constant, least "
    f"squares (ruptures), 0 to {MOST_CHANGES} of them by the modified Bayesian information "
    "criterion, each by a quarter at least; the longest segment is the stable one. Of a slow climb "
    "about the lower half counts to it. In brackets: 95 % of bootstrap draws. The threshold has "
    "exactly these timesteps inside; a verdict other than `holds` means that the segment is not "
    "bounded by higher ones on both sides."
)


def document(report: Report) -> str:
    """A report for people, which names what it rests on."""
    found = report.found
    parts = [
        f"# Do PAB's claims hold? {report.name}\n",
        "".join(f"- {line}\n" for line in texts.headline(found)),
        f"{texts.kinds(found)} {report.control_told}\n",
        f"{texts.dominance(found)} {texts.resting(found)}\n",
        f"![curves and stable segments]({FIGURE}.png)\n",
        f"## Verdicts ({PAPER.name} outputs)\n",
        _verdicts(report),
        f"{RULE} Effects of claims about shape and ranking are ratios of means; d is the effect's "
        "logarithm in standard deviations between videos. How much levels vary between videos is a "
        "coefficient of variation, to which rank correlations are blind.\n",
        "## The stable segment, as it is\n",
        _segments(report),
        f"{_METHOD}\n",
        "## Block by block\n",
        _blocks(report),
        "## By every definition\n",
        _sensitivity(report),
        f"{texts.dependence(found)}\n",
        "## What this rests on\n",
        _provenance(report),
    ]
    return "\n".join(part for part in parts if part.strip())


def _verdicts(report: Report) -> str:
    control = report.control_verdicts()
    headers = ["claim", "of", "effect [95 %]", "d", "verdict"]
    headers += ["random weights"] if report.control is not None else []
    rows = []
    for finding in report.found.findings:
        beside = []
        if report.control is not None:
            beside = [control.get((finding.claim, finding.about), MISSING)]
        rows.append(
            [
                TITLES[finding.claim],
                finding.about,
                texts.effect(finding),
                texts.standardised(finding),
                finding.verdict,
                *beside,
                texts.basis(finding),
                texts.remarks(finding),
            ]
        )
    return markdown_table([*headers, "videos", "remarks"], rows, [False] * (len(headers) + 2))


def _segments(report: Report) -> str:
    rows = [
        [finding.about, finding.verdict, *texts.borders(finding)]
        for finding in report.found.findings
        if finding.claim == "stable_segment"
    ]
    headers = ["kind", "verdict", "first step", "last step", "timesteps", "threshold"]
    return markdown_table(headers, rows, [False] * len(headers))


def _blocks(report: Report) -> str:
    rows = [
        [TITLES[finding.claim], finding.about, *texts.blocks(finding)]
        for finding in report.found.findings
        if texts.blocks(finding)
    ]
    headers = ["claim", "of", "holds in", "does not hold in", "undecided in"]
    return markdown_table(headers, rows, [False] * len(headers))


def _sensitivity(report: Report) -> str:
    definitions = list(report.found.sensitivity)
    rows = [
        [
            TITLES[claim],
            about,
            *(_SIGNS[report.found.sensitivity[d][claim, about]] for d in definitions),
        ]
        for claim, about in report.found.verdicts()
    ]
    headers = ["claim", "of", *(definition.name for definition in definitions)]
    return markdown_table(headers, rows, [False] * len(headers))


def _provenance(report: Report) -> str:
    baseline = report.baseline
    versions = ", ".join(
        f"{name} {version}" for name, version in sorted(baseline["versions"].items())
    )
    prompts = "".join(f"  {number}. {text}\n" for number, text in enumerate(baseline["prompts"]))
    return (
        f"Baseline `{baseline['id']}`, weights `{baseline['weights_digest'][:16]}`, "
        f"{baseline['calls']} transformer calls ({baseline['steps']} steps), guidance "
        f"{baseline['guidance']:g}, seeds {', '.join(map(str, baseline['seeds']))}, device "
        f"{baseline['device']}, {versions}. Prompts:\n\n{prompts}"
    )
