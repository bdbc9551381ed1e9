"""`python -m pab_bench.reproduce ARCHIVE [--limit N]`: sample others' points again and compare.

The embedded minis need nothing; other models are sampled where their checkpoints are here. Exit
status: 0 if all that was sampled agrees, 1 if something differs, 2 if nothing could be sampled or
the archive was refused.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from pab_bench.archive.reading import open_archive
from pab_bench.archive.refused import ArchiveRefused
from pab_bench.archive.staging import stage
from pab_bench.errors import BAD_CONFIGURATION, FAILED, OK, ConfigError, PabBenchError
from pab_bench.files import why_no_file, why_not_writable, write_json
from pab_bench.reproduce.numbers import RELATIVE
from pab_bench.reproduce.report import as_json, as_text
from pab_bench.reproduce.sampling import Reproduced, in_order, reproduce, scratch_folders
from pab_bench.reproduce.settings import Here

_OFFLINE = "HF_HUB_OFFLINE"
_NOT_FRAMES = ("plan", "metric", "curve", "memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _check(options)
        models = _models(options.model)
        with _downloads(options.download), _scratch(options.into) as folder:
            found = _reproduced(options, folder, models)
    except (PabBenchError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    sys.stdout.write(as_text(found, options.tolerance))
    if options.json is not None:
        write_json(options.json, as_json(found, options.tolerance))
    sampled = [one for one in found if not one.cannot]
    if not sampled:
        sys.stderr.write("error: no point could be sampled here\n")
        return BAD_CONFIGURATION
    kinds = _NOT_FRAMES if options.frames == "report" else None
    return OK if all(one.agrees(kinds) for one in sampled) else FAILED


def _reproduced(
    options: argparse.Namespace, folder: Path, models: Mapping[str, str]
) -> list[Reproduced]:
    theirs, ours = scratch_folders(folder)
    staged = stage(open_archive(options.archive), theirs)
    if not staged.records:
        raise ArchiveRefused(f"{options.archive}: has no points")
    here = Here(ours, options.device, models)
    found: list[Reproduced] = []
    for record in in_order(staged):
        if options.limit is not None and sum(not one.cannot for one in found) >= options.limit:
            found.append(Reproduced(record, cannot=f"--limit {options.limit} leaves it out"))
            continue
        found.append(reproduce(record, staged, here, options.tolerance))
    return found


def _check(options: argparse.Namespace) -> None:
    if options.limit is not None and options.limit < 1:
        raise ConfigError(f"--limit {options.limit}: must be at least 1")
    if not (math.isfinite(options.tolerance) and options.tolerance >= 0):
        raise ConfigError(f"--tolerance {options.tolerance}: must be a finite number of at least 0")
    if options.into is not None:
        if options.into.exists():
            raise ConfigError(f"--into {options.into}: is there already; give a new folder")
        reason = why_not_writable(options.into.absolute())
        if reason is not None:
            raise ConfigError(f"--into {options.into}: nothing can be written there: {reason}")
    reason = None if options.json is None else why_no_file(options.json.absolute())
    if reason is not None:
        raise ConfigError(f"--json {options.json}: nothing can be written there: {reason}")


def _models(given: Sequence[str]) -> dict[str, str]:
    """Folders by model, from `NAME=DIR`."""
    found = {}
    for entry in given:
        name, _, folder = entry.partition("=")
        if not Path(folder).expanduser().is_dir() or not folder:
            raise ConfigError(f"--model {entry}: expected NAME=DIR with a folder that is there")
        found[name] = str(Path(folder).expanduser().absolute())
    return found


@contextmanager
def _downloads(allowed: bool) -> Iterator[None]:
    """Gigabytes are not fetched because a stranger's file names them."""
    before = os.environ.get(_OFFLINE)
    if not allowed:
        os.environ[_OFFLINE] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_OFFLINE, None)
        else:
            os.environ[_OFFLINE] = before


@contextmanager
def _scratch(into: Path | None) -> Iterator[Path]:
    if into is not None:
        yield into
        return
    with tempfile.TemporaryDirectory(prefix="pab_bench-reproduce-") as folder:
        yield Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pab_bench.reproduce", description=__doc__)
    parser.add_argument("archive", metavar="ARCHIVE", type=Path)
    parser.add_argument("--limit", type=int, metavar="N", help="sample N points, the smallest")
    parser.add_argument(
        "--frames",
        choices=("equal", "report"),
        default="equal",
        help="report: frames may differ, as they do between machines, if the metrics agree",
    )
    parser.add_argument(
        "--tolerance", type=float, default=RELATIVE, metavar="SHARE", help=f"{RELATIVE:g}"
    )
    parser.add_argument("--device", help="auto, cpu, cuda or mps; default: each point's own kind")
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME=DIR", help="where a checkpoint is"
    )
    parser.add_argument("--download", action="store_true", help="fetch checkpoints from the hub")
    parser.add_argument("--into", type=Path, metavar="FOLDER", help="keep what is sampled there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    return parser
