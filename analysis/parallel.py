"""`python -m analysis.parallel FILE... --to DIR`: communication and scaling of several ranks.

The files are those that `task=scaling` and `task=cost` write as JSON; of the latter, Table 4 of the
paper and the timeline of one plan are drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.costs import read_costs
from analysis.errors import AnalysisError, NothingToShow
from analysis.scaling_data import read_scaling, table4_frame, timeline_point

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if at least one figure was made, 1 if none or a file is damaged."""
    parser = argparse.ArgumentParser(prog="python -m analysis.parallel", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="files of predictions and of costs")
    parser.add_argument("--to", type=Path, required=True, help="a folder for the figures")
    options = parser.parse_args(arguments)
    predictions = [file for file in options.files if _is_prediction(file)]
    try:
        points = read_scaling(predictions)
        costs = read_costs(file for file in options.files if file not in predictions)
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    from analysis.figures.communication_timeline import communication_timeline
    from analysis.figures.save import save
    from analysis.figures.table4 import table4
    from analysis.scaling_figures import scaling_figures

    wanted: dict[str, Callable[[], Figure]] = {
        "table4": lambda: table4(table4_frame(costs)),
        "communication_timeline": lambda: communication_timeline(timeline_point(costs)),
    }
    for name, draw in scaling_figures().items():
        wanted[name] = lambda draw=draw: draw(points)  # type: ignore[misc]
    written = []
    for name, make in wanted.items():
        try:
            written += save(make(), options.to, name)
        except NothingToShow as reason:
            print(f"{name}: {reason}", file=sys.stderr)
    print(f"{len(written)} files in {options.to}")
    return 0 if written else 1


def _is_prediction(file: Path) -> bool:
    """Whether it is one of `task=scaling`; what cannot be read is told by whoever reads it."""
    try:
        points = json.loads(file.read_text(encoding="utf-8"))["points"]
        return bool(points) and "one_rank" in points[0]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return False


if __name__ == "__main__":
    sys.exit(main())
