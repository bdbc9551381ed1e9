"""`python -m pab_bench.unpack ARCHIVE [--into FOLDER]`: check an archive and take its points.

Nothing is written into the results before all of the archive was checked. A point that is there
already is kept. Exit status: 0 if everything is there now, 2 if the archive was refused.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pab_bench.archive.merging import Merged, merge
from pab_bench.archive.reading import Archive, open_archive
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.staging import Staged, stage
from pab_bench.errors import BAD_CONFIGURATION, OK, PabBenchError
from pab_bench.files import why_not_writable
from pab_bench.files.writer import temporary_name
from pab_bench.names import LOCKS

MOST_GB = 50.0
"""Of 10^9 bytes, that an archive may take unless more is allowed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        reason = why_not_writable(options.into.absolute())
        if reason is not None:
            raise ArchiveRefused(f"--into {options.into}: cannot be written: {reason}")
        archive = open_archive(options.archive)
        check_size(archive, options.max_gb, options.into)
        with staged_beside(archive, options.into) as staged:
            merged = merge(staged, options.into, options.locks)
    except (PabBenchError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    _report(archive, merged, options.into)
    return OK


def check_size(archive: Archive, most_gb: float, folder: Path) -> None:
    """Refuse an archive that is larger than wanted, or than there is room for.

    Args:
        archive: it is not compressed, so that its size is that of its files.
        most_gb: units of 10^9 bytes.
        folder: where it will go; it need not be there yet.

    Raises:
        ArchiveRefused: if it is.
    """
    size = archive.bytes / 1e9
    if size > most_gb:
        allowed = f"more than --max-gb {most_gb:g} allows"
        raise ArchiveRefused(f"{archive.path.name}: {size:.3g} GB, {allowed}")
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir())
    free = shutil.disk_usage(place).free
    if archive.bytes > free:
        raise ArchiveRefused(f"{folder}: {size:.3g} GB needed, {free / 1e9:.3g} GB free")


@contextmanager
def staged_beside(archive: Archive, results: Path) -> Iterator[Staged]:
    """Unpack and check an archive in a hidden folder of the results, which is gone afterwards."""
    place = results / temporary_name("unpack")
    place.mkdir(parents=True)
    try:
        yield stage(archive, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _report(archive: Archive, merged: Merged, into: Path) -> None:
    for point, fate in merged.points.items():
        if fate.startswith("kept"):
            sys.stdout.write(f"point {point} is here already, {fate}\n")
    counts = Counter(merged.points.values())
    words = [f"{count} {fate}" for fate, count in sorted(counts.items())]
    sys.stdout.write(
        f"{archive.path.name} (sha256 {archive.digest}): {', '.join(words) or 'no points'}, "
        f"{merged.timings} new timing passes, in {into}\n"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pab_bench.unpack", description=__doc__)
    parser.add_argument("archive", metavar="ARCHIVE", type=Path)
    parser.add_argument("--into", metavar="FOLDER", type=Path, default=Path("results"))
    parser.add_argument(
        "--max-gb", type=float, default=MOST_GB, metavar="N", help=f"refuse more; {MOST_GB:g}"
    )
    parser.add_argument(
        "--locks", choices=LOCKS, default="flock", help="as store.locks of the results"
    )
    return parser
