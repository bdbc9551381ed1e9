"""`python tests/adversary/summary.py [TEXT]`: how many answers are clear, and which are not.

Exit status: 0 if all are. With a text, only the cases whose name has it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from adversary.case_files import cases
from adversary.execution import run
from adversary.judgement import faults


def main() -> int:
    """Run all cases, bad and good."""
    wanted = " ".join(sys.argv[1:])
    clear: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for case in [*cases("bad"), *cases("good")]:
        if wanted not in str(case):
            continue
        with tempfile.TemporaryDirectory() as folder:
            outcome = run(case, Path(folder))
        found = faults(case, outcome)
        kind = f"{'bad' if case.bad else 'good'} {case.kind}"
        count[kind] += 1
        clear[kind] += not found
        if found:
            print(f"{case}\n  {'; '.join(found)}\n  {outcome.told[-600:]!r}", flush=True)
    for kind, number in count.items():
        print(f"{kind:24} {clear[kind]:4} of {number:4} clear")
    print(f"{'all':24} {clear.total():4} of {count.total():4} clear")
    return int(clear.total() < count.total())


if __name__ == "__main__":
    raise SystemExit(main())
