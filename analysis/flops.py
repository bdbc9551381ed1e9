"""`python -m analysis.flops FILE... --to DIR`: predicted operations beside the paper's.

The files are those that `task=cost convention=paper json=FILE` writes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.costs import published_flops, read_costs
from analysis.errors import AnalysisError
from analysis.tables.flops import published_flops_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if table and figure were made."""
    parser = argparse.ArgumentParser(prog="python -m analysis.flops", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="files with costs")
    parser.add_argument("--to", type=Path, required=True, help="a folder for table and figure")
    options = parser.parse_args(arguments)
    try:
        points = read_costs(options.files)
        made = published_flops_table(points)
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    from analysis.figures.flops import flops
    from analysis.figures.save import save

    written = made.write(options.to / "tables", "flops")
    written += save(flops(published_flops(points)), options.to / "figures", "flops")
    print(made.document.markdown())
    print(f"{len(written)} files in {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
