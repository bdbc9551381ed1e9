"""`python -m pab_bench.cite RESULTS...`: the papers behind the methods, models and metrics in use.

RESULTS are results folders, folders of sweeps or runs, and archives of `python -m pab_bench.pack`,
which are checked first. Exit status: 0, or 2 if there are no results or an archive is refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
    # Deferred: they need pandas, which `--help` can do without.
    from pab_bench.archive.refused import ArchiveRefused
    from pab_bench.leaderboard.sources import opened

    records: list[Mapping[str, Any]] = []
    try:
        with opened(options.results) as sources:
            for path, source in zip(options.results, sources, strict=True):
                sweep = source.data.sweep
                points = [*(point for _, point in sweep.finished), *sweep.baselines]
                if not points:
                    raise ArchiveRefused(f"{path}: has no finished point")
                records += [point.record for point in points]
    except ArchiveRefused as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    used = used_in(records)
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
    parser.add_argument("results", metavar="RESULTS", type=Path, nargs="+")
    parser.add_argument("--format", choices=("bibtex", "text"), default="bibtex")
    return parser
