"""Whether an answer is clear."""

from __future__ import annotations

from adversary.case_files import Case
from adversary.execution import Outcome

MOST_CHARACTERS, MOST_LINES = 4000, 14


def faults(case: Case, outcome: Outcome) -> list[str]:
    """What is wrong with an outcome; nothing if it is clear."""
    said = outcome.told + outcome.shown
    found = []
    if outcome.status is None:
        return [f"hangs: stopped after {case.limit_s:g} s"]
    if outcome.status != case.status:
        found.append(f"exit status {outcome.status} in place of {case.status}")
    if "Traceback (most recent call last)" in said:
        found.append(f"a traceback: {said.splitlines()[-1]}")
    found += [f"does not say {text!r}" for text in case.says if text not in said]
    found += [f"has not made {path}" for path in case.makes if path not in outcome.made]
    if case.bad:
        if len(outcome.told) >= MOST_CHARACTERS or len(outcome.told.splitlines()) > MOST_LINES:
            found.append(f"says too much: {len(outcome.told)} characters")
        if outcome.shown:
            found.append(f"shows something: {outcome.shown[:60]!r}")
        if outcome.made:
            found.append(f"has written {', '.join(outcome.made[:5])}")
    return found
