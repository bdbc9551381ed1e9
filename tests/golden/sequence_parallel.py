"""Golden data of sequence parallelism, by VideoSys on several processes.

A file holds runs of one small model: every collective of every call, and what the outputs are. The
weights and the other inputs are those of a neighbouring folder, which the file names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pab_bench.verify.base import Check, check, failed_check

Content = Mapping[str, Any]
Entry = tuple[str, str, int, tuple[int, ...], int]
"""Operation, place, ranks, shape and bytes of one message."""

AGAINST_ONE_RANK = 1e-5
GATHERS = ("all_gather",)


@dataclass(frozen=True)
class Case:
    """One golden run on some ranks.

    Attributes:
        file: name of the golden file.
        run: name of the run.
        ranks: how many there were.
        split: which dimension was split.
        weights: the file with the weights, relative to the folder that both folders lie in.
        output: name of the golden output; None where upstream has none.
        pab: VideoSys' configuration; None without broadcasting.
        steps: of sampling; None for a single call.
        guidance: whether ranks took halves of the guidance batch.
        calls: per call its collectives; None where upstream failed.
    """

    file: str
    run: str
    ranks: int
    split: str
    weights: str
    output: str | None
    pab: Content | None
    steps: int | None
    guidance: bool
    calls: tuple[tuple[Entry, ...], ...] | None

    def __str__(self) -> str:
        """As checks name it."""
        return f"{self.run}, {self.ranks} ranks"


class SequenceParallelVerifier:
    """Repeats golden runs on as many processes as they were made on."""

    name = "sequence_parallel"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has at least one file of a known format."""
        return bool(golden_files(folder))

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every file of a known format."""
        from golden.sequence_parallel_run import repeat_all
        from golden.sequence_parallel_volumes import check_volumes

        cases = [
            c for name, content in golden_files(folder).items() for c in cases_of(name, content)
        ]
        for path, content in json_files(folder):
            if {"table4", "formulas", "rows"} <= set(content):
                yield from check_volumes(path.name, content)
        for case, result in repeat_all(folder, cases):
            yield from compare(case, result)


def golden_files(folder: Path) -> dict[str, Content]:
    """Content by name of the files of a known format."""
    known = {"split", "weights", "runs", "format"}
    return {path.name: own for path, own in json_files(folder) if known <= set(own)}


def json_files(folder: Path) -> Iterator[tuple[Path, Content]]:
    """The objects that lie in a folder as JSON."""
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            yield path, content


def cases_of(file: str, content: Content) -> Iterator[Case]:
    """Every run on every number of ranks."""
    for name, run in content["runs"].items():
        for ranks, golden in run["ranks"].items():
            yield Case(
                file,
                name,
                int(ranks),
                content["split"],
                content["weights"],
                run.get("output"),
                run.get("pab"),
                run.get("steps"),
                name.startswith("cfg_parallel/"),
                None if "error" in golden else _calls(golden),
            )


def _calls(golden: Content) -> tuple[tuple[Entry, ...], ...]:
    templates = [
        tuple((op, where, n, tuple(shape), size) for op, where, n, shape, size in template)
        for template in golden["templates"]
    ]
    return tuple(templates[index] for index in golden["template_of_call"])


def compare(case: Case, result: Content) -> Iterator[Check]:
    """What ranks of ours did against what upstream's did.

    Args:
        case: the golden run.
        result: differences of outputs by what they are compared with, each with its measure and
            tolerance; the collectives of every call (`hidden`), and those of the all-to-alls and
            gathers where outputs are gathered (`output`); or an `error`.
    """
    if "error" in result:
        yield failed_check(case.file, str(case), result["error"])
        return
    for name, (value, tolerance, measure) in result["differences"].items():
        yield check(case.file, f"{case}: {name}", tolerance, partial(float, value), measure)
    if case.calls is None:
        return
    wrong = differing(result["hidden"], case.calls)
    yield check(case.file, f"{case}: collectives", 0.0, partial(float, wrong), "exact")
    if result.get("output") is not None:
        ours, golden = without_gathers(result["output"]), without_gathers(case.calls)
        wrong = differing(ours, golden)
        name = f"{case}: collectives but the gather, of outputs"
        yield check(case.file, name, 0.0, partial(float, wrong), "exact")


def without_gathers(calls: Sequence[Sequence[Entry]]) -> list[list[Entry]]:
    """Collectives per call but the last gather, which may be of something else."""
    return [[entry for entry in call if entry[0] not in GATHERS] for call in calls]


def differing(ours: Sequence[Sequence[Entry]], golden: Sequence[Sequence[Entry]]) -> int:
    """How many collectives differ; one more or less counts as one."""
    total = abs(len(ours) - len(golden))
    for own, theirs in zip(ours, golden, strict=False):
        total += abs(len(own) - len(theirs))
        total += sum(tuple(a) != tuple(b) for a, b in zip(own, theirs, strict=False))
    return total
