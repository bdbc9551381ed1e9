"""A prediction on the terminal, within 100 columns, with all that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.paper.parallel import Beside, published_beside
from pab_bench.text.missing import MISSING


def show(point: Mapping[str, Any], number: int, name: str, console: Console) -> None:
    """Print one point of what `task=scaling` predicts.

    Args:
        point: as `scaling_content.content` has it.
        number: of the job.
        name: what tells the point from others.
        console: where to.
    """
    console.print(_speedups(point, number, name))
    console.print(_parts(point))
    beside = published_beside(point)
    if beside:
        console.print(_published(beside))
    for line in _lines(point, beside):
        console.print(escape(line), highlight=False, soft_wrap=True)


def name_of(way: Mapping[str, Any]) -> str:
    """How a way of splitting is called: the dimension is told where there are two."""
    return f"{way['method']} {way['split']}" if way["method"] == "dsp" else str(way["method"])


def _table(title: str, heads: Sequence[str], left: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="left" if head in left else "right", no_wrap=True)
    return table


def _speedups(point: Mapping[str, Any], number: int, name: str) -> Table:
    title = f"job {number}, {escape(name)}: predicted speedup, without -> with {point['label']}"
    table = _table(title, ["ranks", *map(name_of, point["ways"])])
    for place, ranks in enumerate(point["ranks"]):
        cells = []
        for way in point["ways"]:
            row = way["rows"][place]
            cells.append(MISSING if row["reason"] else _arrow(row))
        table.add_row(str(ranks), *cells)
    return table


def _arrow(row: Mapping[str, Any]) -> str:
    return f"{row['baseline']['speedup']:.2f} -> {row['with_plan']['speedup']:.2f}"


def _parts(point: Mapping[str, Any]) -> Table:
    """Both splits of DSP: what the method's speedup is made of."""
    heads = ["ranks", "split", "speedup [band]", "= gain", "x scaling", "computing s", "padding s"]
    table = _table("what it is made of", [*heads, "sending s", "saved by sending"], ["split"])
    for place, ranks in enumerate(point["ranks"]):
        for way in (own for own in point["ways"] if own["method"] == "dsp"):
            row = way["rows"][place]
            own = row["with_plan"]
            share = row["communication_share"]
            table.add_row(
                str(ranks),
                way["split"],
                f"{own['speedup']:.2f} [{own['speedup_low']:.2f}, {own['speedup_high']:.2f}]",
                f"{row['gain']:.3f}",
                f"{row['scaling']:.2f}",
                f"{own['serial'] + own['computing']:.3f}",
                f"{own['padding']:.3f}",
                f"{own['communication']:.3f}",
                MISSING if share is None else f"{share:.1%}",
            )
    return table


def _published(rows: Sequence[Beside]) -> Table:
    table = _table("the paper's, 8 GPUs", ["item", "row", "printed", "predicted", "apart"], ["row"])
    for row in rows:
        table.add_row(
            row.item,
            row.name,
            f"{row.printed:.2f} {row.unit}",
            f"{row.predicted:.2f} {row.unit}",
            f"{row.predicted / row.printed - 1:+.1%}",
        )
    return table


def _lines(point: Mapping[str, Any], beside: Sequence[Beside]) -> list[str]:
    lines = [
        "speedup: seconds of one rank without the method over those of n ranks; gain: without over "
        "with the method, on one rank; saved by sending: the share of what the method saves on n "
        "ranks that is communication.",
        *_splits(point),
        *_missing(point),
    ]
    if not beside:
        lines.append("published: no printed number is of a clip that takes as long on one GPU")
    return [*lines, *(f"assumed: {line}" for line in point["assumptions"])]


def _splits(point: Mapping[str, Any]) -> list[str]:
    """Where frames, and where tokens are the better dimension to split."""
    frames, tokens = (
        next(w for w in point["ways"] if (w["method"], w["split"]) == ("dsp", split))
        for split in ("frames", "tokens")
    )
    better: dict[str, list[str]] = {"frames": [], "tokens": []}
    for one, other in zip(frames["rows"], tokens["rows"], strict=True):
        if one["ranks"] > 1:
            first = one["with_plan"]["total"] <= other["with_plan"]["total"]
            better["frames" if first else "tokens"].append(str(one["ranks"]))
    found = [f"{split} at {', '.join(n)} ranks" for split, n in better.items() if n]
    return [f"faster of the two splits of dsp: {'; '.join(found)}"] if found else []


def _missing(point: Mapping[str, Any]) -> list[str]:
    reasons = {
        f"{way['method']} is missing: {row['reason']}"
        for way in point["ways"]
        for row in way["rows"]
        if row["reason"]
    }
    return sorted(reasons)
