"""What ranks send each other, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pab_bench.config.grid import GridPoint
from pab_bench.cost.communication import WAYS, Communication, Way
from pab_bench.cost.conventions import Traffic
from pab_bench.cost.estimate import Estimate
from pab_bench.cost.table import point_names
from pab_bench.names import SPLITS
from pab_bench.parallel.volumes import Volume
from pab_bench.text.missing import MISSING

GIGA = 1e9
_WORDS: dict[Traffic, str] = {
    "sent": "sent by each rank, padding included",
    "column": "as Table 4 counts them: unpadded, a rank's own share included",
}


def communication_table(
    estimates: Sequence[tuple[GridPoint, Estimate]], exchanges: Sequence[Communication]
) -> Table:
    """One row per point (and way of counting): bytes of one rank and one video.

    Args:
        estimates: the points.
        exchanges: of each what is communicated.
    """
    table = Table(
        title="communication of one video, GB of each rank",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    ways = [Way(method, split, None, None).name for method, split in WAYS]
    several = len({e.convention.traffic for _, e in estimates}) > 1
    table.add_column("job", justify="right", no_wrap=True)
    table.add_column("point", overflow="fold")
    table.add_column("n", justify="right", no_wrap=True)
    if several:
        table.add_column("counted", no_wrap=True)
    for head in (*ways, "hidden", "outputs", *(f"pad {split}" for split in SPLITS)):
        table.add_column(head, justify="right", no_wrap=head not in ways)
    names = point_names(list({id(point): point for point, _ in estimates}.values()))
    shown = set()
    for (point, e), found in zip(estimates, exchanges, strict=True):
        traffic = e.convention.traffic
        if found.activation is None or (id(point), traffic) in shown:
            continue
        shown.add((id(point), traffic))
        number, name = names[id(point)]
        volume = next((way.with_plan for way in found.ways if way.with_plan), None)
        gathered = (0, 0) if volume is None else (volume.gathered, volume.gathered_outputs)
        padding = [found.activation.padding_factor(split, found.ranks) for split in SPLITS]
        table.add_row(
            str(number),
            escape(name),
            str(found.ranks),
            *([traffic] if several else []),
            *(_giga(way.with_plan, traffic) for way in found.ways),
            *(f"{size / GIGA:.4g}" for size in gathered),
            *(f"{factor:.4g}" for factor in padding),
        )
    return table


def volume_bytes(volume: Volume, traffic: Traffic) -> float:
    """The bytes that a convention counts."""
    return volume.column if traffic == "column" else volume.sent


def _giga(volume: Volume | None, traffic: Traffic) -> str:
    return MISSING if volume is None else f"{volume_bytes(volume, traffic) / GIGA:.4f}"


def communication_notes(
    estimates: Sequence[Estimate], exchanges: Sequence[Communication]
) -> list[str]:
    """What the numbers mean, and why some are missing.

    Args:
        estimates: the points.
        exchanges: of each what is communicated.
    """
    reasons = {f"communication is not known of {f.reason}" for f in exchanges if f.reason}
    known = [f for f in exchanges if f.activation is not None]
    if not known:
        return [escape(line) for line in sorted(reasons)]
    lines = [
        "communication on n ranks: of the attention across the dimension that is split, where it "
        "is computed; GB: 10^9 bytes. dsp: 2 all-to-alls, with frames split of temporal attention, "
        "with tokens split of spatial attention; ulysses: 4, megatron_sp: a gather and a scatter "
        "of the whole, both of temporal attention.",
        "hidden: gather of the hidden states after the last block of every call, whole, in no "
        "other column; outputs: of the outputs in their place. pad: tokens computed over those "
        "needed.",
    ]
    counted = {e.convention.traffic for e in estimates}
    lines += [f"counted {traffic}: bytes {_WORDS[traffic]}" for traffic in sorted(counted)]
    lines += sorted(
        {
            f"{way.name} is missing on {f.ranks} ranks: they do not divide {f.activation.heads} "
            "heads"
            for f in known
            for way in f.ways
            if way.with_plan is None and f.activation is not None
        }
    )
    return [escape(line) for line in [*lines, *sorted(reasons)]]
