"""`python -m pab_bench.cite RESULTS`: the papers behind the methods, models and metrics in use.

RESULTS is a results folder, or the folder of a sweep or a run. Exit status: 0, or 2 if there are no
results.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pab_bench.cite.references import references
from pab_bench.cite.used import Used, used_in
from pab_bench.errors import BAD_CONFIGURATION, OK

_OURS = """@software{{pab_bench,
  title = {{pab_bench}},
  author = {{{{pab_bench contributors}}}},
  version = {{{versions}}},
  license = {{Apache-2.0}},
}}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    from analysis.errors import AnalysisError
    from analysis.load import load_sweep

    try:
        sweep = load_sweep(options.results)
    except AnalysisError as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    points = [*(point for _, point in sweep.finished), *sweep.baselines]
    if not points:
        sys.stderr.write(f"error: {options.results}: has no finished point\n")
        return BAD_CONFIGURATION
    used = used_in(point.record for point in points)
    sys.stdout.write(bibtex(used) if options.format == "bibtex" else text(used))
    return OK


def bibtex(used: Used) -> str:
    """Write the entries, each below a comment that says what it is for."""
    known = references()
    parts = ["% this program\n" + _OURS.format(versions=", ".join(used.versions))]
    parts += [f"% {', '.join(uses)}\n{known[key].bibtex}" for key, uses in used.papers.items()]
    parts += [f"% {what}: no paper is known to pab_bench\n" for what in used.unknown]
    return "\n".join(parts)


def text(used: Used) -> str:
    """Write a line for every paper, with what it is for."""
    known = references()
    lines = [f"- pab_bench contributors. pab_bench {', '.join(used.versions)} (this program)"]
    lines += [f"- {known[key].text} ({', '.join(uses)})" for key, uses in used.papers.items()]
    lines += [f"- {what}: no paper is known to pab_bench" for what in used.unknown]
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pab_bench.cite", description=__doc__)
    parser.add_argument("results", metavar="RESULTS", type=Path)
    parser.add_argument("--format", choices=("bibtex", "text"), default="bibtex")
    return parser
