"""Compares two records of one point, number by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pab_bench.files import NAME, parse_digests
from pab_bench.store.records import Record

ABSOLUTE, RELATIVE = 1e-4, 1e-3
"""A value agrees with another one if they differ by at most so much, and so much of the other."""
Verdict = Literal["equal", "agrees", "differs", "reported", "missing"]
FRAMES = "frames"


@dataclass(frozen=True)
class Number:
    """One number of a point, there and here.

    Attributes:
        name: what it is.
        theirs: as the archive has it; digests are shortened for people, not here.
        ours: as it came out here.
        verdict: `equal` to the last bit; `agrees` within the tolerance; `differs`; only `reported`,
            since nobody expects it to be the same; `missing` on one side.
        kind: what it is a number of: `plan`, `frames`, `metric`, `curve`, `memory` or `time`.
    """

    name: str
    theirs: Any
    ours: Any
    verdict: Verdict
    kind: str


def compare_point(
    theirs: Record, ours: Record, folders: tuple[Path, Path], relative: float = RELATIVE
) -> list[Number]:
    """Compare a point with the same one sampled here.

    Frames are compared by the SHA-256 of their lossless files, which is there even if they are not.

    Args:
        theirs: from an archive.
        ours: made here.
        folders: of both points, in this order.
        relative: the tolerance of metrics and curves, as a share of their value.
    """
    found = [
        _same("plan", theirs.plan["digest"], ours.plan["digest"], "plan"),
        _same("computed and reused", dict(theirs.ledger), dict(ours.ledger), "plan"),
        *_frames(*folders),
        *_metrics(theirs, ours, relative),
        *_curves(*folders, relative),
        _same("kept bytes", theirs.peak_cache_bytes, ours.peak_cache_bytes, "memory"),
    ]
    for stage in ("encode_s", "denoise_s", "decode_s"):
        there, here = (record.timing.get(stage, {}).get("median") for record in (theirs, ours))
        found.append(Number(stage, there, here, "reported", "time"))
    return found


def close(theirs: float, ours: float, relative: float = RELATIVE) -> Verdict:
    """Say how near two values are.

    >>> close(30.0, 30.0), close(30.0, 30.02), close(30.0, 31.0)
    ('equal', 'agrees', 'differs')
    """
    if theirs == ours:
        return "equal"
    near = abs(theirs - ours) <= ABSOLUTE + relative * abs(theirs)
    return "agrees" if near else "differs"


def _same(name: str, theirs: Any, ours: Any, kind: str) -> Number:
    return Number(name, theirs, ours, "equal" if theirs == ours else "differs", kind)


def _frames(theirs: Path, ours: Path) -> Iterator[Number]:
    sides = [
        parse_digests((folder / NAME).read_text(encoding="utf-8")) for folder in (theirs, ours)
    ]
    for name in sorted(sides[0]):
        if name.startswith("videos/") and name.endswith(".safetensors"):
            video = _same(f"{FRAMES} {Path(name).stem}", sides[0][name], sides[1].get(name), FRAMES)
            yield video
            if video.verdict == "differs" and (theirs / name).is_file():
                apart = _apart(theirs / name, ours / name)
                yield Number(f"{video.name}, apart by up to", None, apart, "reported", FRAMES)


def _apart(theirs: Path, ours: Path) -> str:
    """The largest difference of two videos in words."""
    import numpy as np
    from safetensors.numpy import load_file

    sides = [load_file(path)["frames"].astype(np.int16) for path in (theirs, ours)]
    if sides[0].shape != sides[1].shape:
        return f"their size: {sides[0].shape} there, {sides[1].shape} here"
    return f"{int(abs(sides[0] - sides[1]).max())} of 255"


def _metrics(theirs: Record, ours: Record, relative: float) -> Iterator[Number]:
    for column in sorted({*theirs.quality, *ours.quality}):
        there, here = (record.quality.get(column, {}).get("value") for record in (theirs, ours))
        if there is None or here is None:
            verdict: Verdict = "equal" if there is here else "missing"
        else:
            verdict = close(there, here, relative)
        yield Number(column, there, here, verdict, "metric")


def _curves(theirs: Path, ours: Path, relative: float) -> Iterator[Number]:
    """The mean of every kind's attention differences, with the largest difference of any value."""
    import pandas as pd

    paths = [folder / "curves.parquet" for folder in (theirs, ours)]
    if not all(path.is_file() for path in paths):
        return
    tables = [pd.read_parquet(path) for path in paths]
    for kind in sorted({*tables[0]["kind"], *tables[1]["kind"]}):
        sides = [table[table["kind"] == kind]["mse"].to_numpy() for table in tables]
        there, here = (float(values.mean()) if len(values) else None for values in sides)
        verdict: Verdict = "differs"
        if len(sides[0]) == len(sides[1]):
            if (sides[0] == sides[1]).all():
                verdict = "equal"
            # Of sums of squares, which can be tiny: no absolute part.
            elif (abs(sides[0] - sides[1]) <= relative * abs(sides[0])).all():
                verdict = "agrees"
        yield Number(f"attention difference {kind}", there, here, verdict, "curve")
