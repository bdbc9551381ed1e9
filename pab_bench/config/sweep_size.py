"""How many points a grid has, before any is made."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hydra.core.override_parser.types import Override, RangeSweep
from hydra.errors import HydraException

from pab_bench.errors import first_line
from pab_bench.problems import Problem

MOST_POINTS = 100_000


def impossible_sweeps(overrides: Sequence[Override]) -> list[Problem]:
    """Find sweeps without a value, and grids with more points than anybody can sample.

    Args:
        overrides: those of a command; a range is counted, and not written out.
    """
    found = []
    points = 1
    for override in (one for one in overrides if one.is_sweep_override()):
        line = str(override.input_line)
        try:
            values = _values(override)
        except HydraException as error:
            found.append(Problem(line, first_line(error)))
            continue
        if values == 0:
            found.append(Problem(line, "is a sweep over no value; name at least one"))
        points *= max(values, 1)
        if points > MOST_POINTS:
            message = f"the grid has at least {points} points, and may have at most {MOST_POINTS}"
            return [*found, Problem(line, message)]
    return found


def _values(override: Override) -> int:
    sweep = override.value()
    if not isinstance(sweep, RangeSweep):
        return sum(1 for _ in override.sweep_string_iterator())
    start, stop, step = (float(x or 0) for x in (sweep.start, sweep.stop, sweep.step))
    if step == 0 or not all(map(math.isfinite, (start, stop, step))):
        raise HydraException("a range has finite ends and a step that is not 0")
    return max(0, math.ceil((stop - start) / step))
