"""`python -m pab_bench.leaderboard ARCHIVE_OR_RESULTS...`: method by model by budget in one table.

Points are ranked within what they may cost, and only against points of the same model, weights,
prompts, seeds, steps, guidance and dtype. Exit status: 0 if it was made, 2 if it cannot be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pab_bench.errors import BAD_CONFIGURATION, OK, ConfigError, PabBenchError
from pab_bench.files import why_no_file, write_text
from pab_bench.leaderboard.budgets import BOUNDS, BUDGETS
from pab_bench.leaderboard.entries import entries_of
from pab_bench.leaderboard.forms import FORMS
from pab_bench.leaderboard.sources import opened
from pab_bench.leaderboard.table import leaderboard


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.top < 0:
            raise ConfigError(f"--top {options.top}: must be at least 0, which shows all")
        reason = None if options.output is None else why_no_file(options.output.absolute())
        if reason is not None:
            raise ConfigError(f"-o {options.output}: cannot be written: {reason}")
        with opened(options.sources) as sources:
            entries = entries_of(sources)
            tables = leaderboard(sources, entries, options.metric, options.budget, options.top)
            text = FORMS[options.format](tables)
        if options.output is None:
            sys.stdout.write(text)
        else:
            write_text(options.output, text)
    except (PabBenchError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pab_bench.leaderboard", description=__doc__)
    parser.add_argument(
        "sources", metavar="ARCHIVE_OR_RESULTS", nargs="+", type=Path, help="files and folders"
    )
    parser.add_argument("--format", choices=tuple(FORMS), default="markdown")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: print it")
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS)
    parser.add_argument(
        "--budget",
        choices=tuple(BUDGETS),
        default="operations",
        help=f"what the classes are of, which end at {bounds} times less than the baseline",
    )
    parser.add_argument("--metric", metavar="COLUMN", help="rank by it; default: lpips")
    parser.add_argument(
        "--top", type=int, default=3, metavar="N", help="of each method and budget; 0: all; 3"
    )
    return parser
