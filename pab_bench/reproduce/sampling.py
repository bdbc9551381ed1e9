"""Samples points of an archive again, as far as that is possible here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pab_bench.archive.names import POINTS
from pab_bench.archive.staging import Staged
from pab_bench.errors import PabBenchError, first_line
from pab_bench.experiment.identity import digest_weights
from pab_bench.experiment.point import make_point
from pab_bench.experiment.session import open_session
from pab_bench.reproduce.numbers import Number, compare_point
from pab_bench.reproduce.reasons import reasons
from pab_bench.reproduce.settings import CannotBeMade, Here, settings_of
from pab_bench.store.points import Store
from pab_bench.store.records import Record


@dataclass(frozen=True)
class Reproduced:
    """What came of one point.

    Attributes:
        record: the point, as the archive has it.
        numbers: its numbers, there and here; none if it could not be sampled.
        why: what may be why some differ.
        cannot: why it could not be sampled; empty if it was.
    """

    record: Record
    numbers: Sequence[Number] = ()
    why: Sequence[str] = ()
    cannot: str = ""

    def agrees(self, kinds: Sequence[str] | None = None) -> bool:
        """Whether no number differs, or none of some kinds."""
        return not self.cannot and not any(
            number.verdict == "differs" and (kinds is None or number.kind in kinds)
            for number in self.numbers
        )


def in_order(staged: Staged) -> list[Record]:
    """The points of an archive: what takes the least to sample first, baselines before others."""
    return sorted(staged.records.values(), key=lambda r: (_work(r), not r.is_baseline, r.id))


def reproduce(record: Record, staged: Staged, here: Here, relative: float) -> Reproduced:
    """Sample one point, and its baseline, into a store of its own and compare its numbers.

    Args:
        record: the point.
        staged: the archive that it is from.
        here: where to sample.
        relative: the tolerance of metrics and curves.
    """
    try:
        settings = settings_of(record, here)
        session = open_session(settings)
        weights = digest_weights(settings, session.sampler.weights)
        if weights != record.config["weights"]:
            raise CannotBeMade(
                f"the weights here are others: SHA-256 {weights[:16]}, not "
                f"{record.config['weights'][:16]}"
            )
        made = make_point(settings, here.results / "reproduce").record
    except PabBenchError as error:  # No weights, no such device, other settings.
        return Reproduced(record, cannot=first_line(error))
    if not made.has_numbers:
        failed = made.error or {}
        return Reproduced(record, cannot=f"it failed: {failed.get('message')}")
    folders = staged.folder / POINTS / record.id, Store(here.results).folder(made.id)
    numbers = compare_point(record, made, folders, relative)
    differ = any(number.verdict != "equal" for number in numbers if number.kind != "time")
    return Reproduced(record, numbers, reasons(record, made) if differ else ())


def scratch_folders(folder: Path) -> tuple[Path, Path]:
    """Where an archive is unpacked to, and what is sampled is kept."""
    places = folder / "archive", folder / "here"
    for place in places:
        place.mkdir(parents=True)
    return places


def _work(record: Record) -> float:
    """How much there is to sample, for the order alone."""
    model = record.config["model"]
    size = 1.0
    for name in ("frames", "height", "width", "depth"):
        value = model.get(name)
        size *= value if isinstance(value, int) else 1
    return size * record.config["steps"] * len(record.prompts) * len(record.seeds)
