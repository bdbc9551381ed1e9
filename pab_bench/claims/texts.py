"""Findings in words and figures, for the terminal and for documents alike."""

from __future__ import annotations

import math

from pab_bench.claims.examination import Examination
from pab_bench.claims.finding import TITLES, Finding
from pab_bench.claims.verdict import BOTH_SIDES, HOLDS
from pab_bench.text.missing import MISSING

SHOWN_BLOCKS = 12


def effect(finding: Finding) -> str:
    """The effect with its interval: ratios as such, correlations as such."""
    if finding.effect is None:
        return MISSING
    text = _value(finding, finding.effect)
    if finding.interval is None:
        return text
    low, high = (_value(finding, end) for end in (finding.interval.low, finding.interval.high))
    return f"{text} [{low}, {high}]"


def _value(finding: Finding, value: float) -> str:
    if finding.scale == "log ratio":
        return f"{math.exp(value):.3g}x"
    return f"{value:.3f}"


def standardised(finding: Finding) -> str:
    """The effect in standard deviations between videos."""
    return MISSING if finding.standardised is None else f"{finding.standardised:.1f}"


def basis(finding: Finding) -> str:
    """On how many videos and units it rests."""
    return f"{finding.videos} ({finding.units})" if finding.units else str(finding.videos)


def bases(found: Examination) -> list[str]:
    """On how many videos and units the findings rest, each number once."""
    return list(
        dict.fromkeys(f"n = {f.videos} videos, {f.units}" for f in found.findings if f.units)
    )


def remarks(finding: Finding) -> str:
    """Why it is undecided, and what the details add, in a line."""
    reason = finding.reason if finding.reason != BOTH_SIDES else ""
    parts = [reason, _limits(finding), _blocks(finding), _segment(finding)]
    variation = finding.details.get("coefficient_of_variation")
    if variation is not None:
        parts.append(f"levels vary by {variation:.0%}")
    return "; ".join(part for part in parts if part)


def _limits(finding: Finding) -> str:
    # How narrow intervals of few prompts are is said once, below the tables.
    parts = [part for part in finding.note.split("; ") if "interval" not in part]
    return "; ".join(parts)


def _blocks(finding: Finding) -> str:
    details = finding.details
    if details.get("share_of_blocks") is None:
        return ""
    count = sum(len(details[key]) for key in ("hold", "do_not_hold", "undecided"))
    return f"in {len(details['hold'])} of {count} blocks"


def blocks(finding: Finding) -> list[str]:
    """The blocks in which a claim holds, does not, and is undecided; empty without blocks."""
    if finding.details.get("share_of_blocks") is None:
        return []
    return [
        _listed(finding.details[key]) or MISSING for key in ("hold", "do_not_hold", "undecided")
    ]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_BLOCKS])
    return shown + (f" and {len(names) - SHOWN_BLOCKS} more" if len(names) > SHOWN_BLOCKS else "")


def _segment(finding: Finding) -> str:
    details = finding.details
    if "threshold" not in details:
        return ""
    if finding.verdict == HOLDS:
        return "threshold=[{},{}]".format(*details["threshold"])
    return f"longest: steps {details['first_step']} to {details['last_step']}"


def borders(finding: Finding) -> tuple[str, str, str, str]:
    """The stable segment's first and last step, timesteps and threshold, with intervals."""
    details = finding.details
    if "threshold" not in details:
        return MISSING, MISSING, MISSING, finding.reason
    ends = []
    for name in ("first", "last"):
        text = str(details[f"{name}_step"])
        if f"{name}_step_interval" in details:
            text += " [{}, {}]".format(*details[f"{name}_step_interval"])
        ends.append(text)
    times = []
    for name, time in zip(("first", "last"), details["timesteps"], strict=True):
        text = str(time)
        if f"{name}_timestep_interval" in details:
            text += " [{}, {}]".format(*details[f"{name}_timestep_interval"])
        times.append(text)
    low, high = details["threshold"]
    threshold = f"`[{low},{high}]`"
    if details["other_steps_in_threshold"]:
        threshold += f" ({details['other_steps_in_threshold']} more steps fall into it)"
    return ends[0], ends[1], " to ".join(times), threshold


def kinds(found: Examination) -> str:
    """Which kinds were tested, and which do not exist."""
    text = f"Kinds tested: {', '.join(found.kinds)}."
    if found.absent:
        text += (
            f" The model has no {' and no '.join(found.absent)} attention: claims about "
            f"{'it' if len(found.absent) == 1 else 'them'} are not tested."
        )
    return text


def resting(found: Examination) -> str:
    """Which steps were left out, and why."""
    if not found.resting:
        return ""
    return (
        f"Left out: {len(found.resting)} steps at which the timestep stays that of the step before "
        f"({', '.join(map(str, found.resting))}), as in the warm-up of PNDM. Its other steps are "
        "half as long as later ones, and their differences smaller: its left arm is not comparable "
        "with that of other schedulers."
    )


def dominance(found: Examination) -> str:
    """Which blocks make the curves, in a sentence."""
    said = [
        f"{_listed(entry.half)} ({len(entry.half)} of {len(entry.shares)})"
        for entry in found.dominance
    ]
    return f"Half of the mean over blocks is made by {'; '.join(said)}."


def dependence(found: Examination) -> str:
    """Which verdicts depend on the definition, in a sentence."""
    if len(found.sensitivity) < 2:
        return ""
    dependent, count = found.dependent(), len(found.verdicts())
    if not dependent:
        return f"None of the {count} verdicts depends on the definition of the difference."
    said = []
    for claim, title in TITLES.items():
        about = [about for other, about in dependent if other == claim]
        if about:
            said.append(f"{title} ({', '.join(about)})")
    return (
        f"{len(dependent)} of {count} verdicts depend on the definition of the difference: "
        f"{'; '.join(said)}."
    )


def headline(found: Examination) -> list[str]:
    """The U-shape, the ranking and the segments in a sentence each."""
    lines = []
    for claim in ("u_shape", "stable_segment", "ranking"):
        own = [f for f in found.findings if f.claim == claim]
        if claim == "ranking":
            own = own[-1:]  # The whole order, after its pairs.
        if own:
            said = "; ".join(f"{f.about}: {f.verdict}" for f in own)
            lines.append(f"{TITLES[claim]}: {said}")
    return lines
