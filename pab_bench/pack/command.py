"""`python -m pab_bench.pack RESULTS [--videos] [-o FILE]`: points as one file.

RESULTS is a results folder, or the folder of a sweep or a run, whose baselines go along. Exit
status: 0 if everything was packed, 1 if something was left out, 2 if nothing can be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.writing import write_archive
from pab_bench.errors import BAD_CONFIGURATION, FAILED, OK
from pab_bench.files import why_no_file
from pab_bench.pack.gather import gather

ENDING = ".pab.tar"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        folders, failed = _points(options.results)
        output = options.output or Path(f"{options.results.resolve().name}{ENDING}")
        reason = why_no_file(output.absolute())
        if reason is not None:
            raise ArchiveRefused(f"-o {output}: cannot be written: {reason}")
        found = gather(folders, options.videos)
        for line in (*failed, *found.left_out):
            sys.stderr.write(f"left out: {line}\n")
        if not found.records:
            raise ArchiveRefused(f"{options.results}: has no point that can be packed")
        digest = write_archive(output, found.manifest, found.members)
    except (ArchiveRefused, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    timings = sum(entry.name.startswith("timings/") for entry in found.members)
    with_videos = "with" if options.videos else "without"
    sys.stdout.write(
        f"{output}: {len(found.records)} points {with_videos} videos, {timings} files of timings, "
        f"{output.stat().st_size} bytes\nsha256 {digest}\n"
    )
    return FAILED if found.left_out else OK


def _points(results: Path) -> tuple[list[Path], list[str]]:
    """The folders of points, and the jobs that lead to none."""
    from analysis.errors import AnalysisError
    from analysis.load import load_sweep

    try:
        sweep = load_sweep(results)
    except AnalysisError as error:
        raise ArchiveRefused(str(error)) from error
    points = {p.folder.resolve() for p in (*(p for _, p in sweep.finished), *sweep.baselines)}
    failed = [
        f"job {job.number}: {job.status}: {job.error}" for job in sweep.jobs if not job.has_numbers
    ]
    return sorted(points), failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pab_bench.pack", description=__doc__)
    parser.add_argument("results", metavar="RESULTS", type=Path)
    parser.add_argument(
        "--videos",
        action="store_true",
        help="with frames, mp4 files and attention maps; without them, points hold records, plans, "
        "curves, metrics, and the checksums of their frames",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help=f"default: RESULTS' name with {ENDING}"
    )
    return parser
