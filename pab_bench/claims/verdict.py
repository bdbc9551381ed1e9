"""When a claim holds, does not hold, or is left undecided.

A claim says that an effect is above a smallest effect that would matter. It holds if the whole
interval lies above that, does not hold if the whole interval lies below, and is undecided
otherwise, or if there are too few independent units (prompts; seeds where there is one prompt) for
an interval to mean anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from pab_bench.statistics import Interval

Verdict = Literal["holds", "does not hold", "undecided"]
HOLDS: Verdict = "holds"
FAILS: Verdict = "does not hold"
UNDECIDED: Verdict = "undecided"

MINIMAL_UNITS = 4
"""Fewer give no verdict: of normal values, the nominal 95 % interval of four holds the mean in only
81 % of cases (see `pab_bench.statistics.summary.FEW`), and of fewer in fewer still."""
MINIMAL_RATIO = 1.25
"""Something is larger than something else if it is a quarter larger at least."""
MINIMAL_LOG_RATIO = math.log(MINIMAL_RATIO)
MINIMAL_CORRELATION = 0.8
"""Curves agree if their rank correlation is at least this."""

BOTH_SIDES = "the interval has both sides"
"""The reason for most undecided verdicts."""

RULE = (
    "A claim holds if the whole 95 % bootstrap interval lies above the smallest effect that would "
    f"matter (a ratio of {MINIMAL_RATIO:g}; for agreement, a rank correlation of "
    f"{MINIMAL_CORRELATION:g}), does not hold if the whole interval lies below it, and is "
    f"undecided otherwise or with fewer than {MINIMAL_UNITS} prompts (seeds, where there is one "
    "prompt). Prompts are drawn, each with all its seeds. Verdicts are not corrected for their "
    "number."
)


def judge(interval: Interval | None, units: int, kind: str, boundary: float) -> tuple[Verdict, str]:
    """The verdict, and why there is none.

    Args:
        interval: of the effect; None where there are too few units for one.
        units: how many independent units it rests on.
        kind: what a unit is: `prompt` or `seed`.
        boundary: the smallest effect that would matter.

    Returns:
        The verdict and the reason for an undecided one, otherwise "".
    """
    if units < MINIMAL_UNITS:
        return UNDECIDED, f"n={units} {kind}{'s' * (units != 1)}, needs {MINIMAL_UNITS}"
    if interval is None:
        return UNDECIDED, "no interval"
    if interval.low > boundary:
        return HOLDS, ""
    if interval.high < boundary:
        return FAILS, ""
    return UNDECIDED, BOTH_SIDES


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on several claims at once: holds if all do, does not hold if one does not.

    >>> together(["holds", "undecided"]), together(["undecided", "does not hold"])
    ('undecided', 'does not hold')
    """
    found = set(verdicts)
    if FAILS in found:
        return FAILS
    return HOLDS if found == {HOLDS} else UNDECIDED
