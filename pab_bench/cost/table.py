"""Costs as tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pab_bench.config.grid import GridPoint
from pab_bench.cost.estimate import Estimate
from pab_bench.cost.prediction import Flops, reuse_counts
from pab_bench.engine.kinds import KINDS
from pab_bench.text.missing import MISSING
from pab_bench.timings.estimate import Speed

TERA, GIBI = 1e12, 2**30


def grid_table(estimates: Sequence[tuple[GridPoint, Estimate]]) -> Table:
    """One row per point (and convention)."""
    several = len({e.convention.name for _, e in estimates}) > 1
    columns = ["job", "point", *(["convention"] if several else []), "calls", "reused S T C M"]
    numbers = ["baseline T", "method T", "ratio", "bound", "denoise bound", "cache GiB"]
    table = Table(title="cost of one video", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in [*columns, *numbers]:
        left = name in ("point", "convention")
        table.add_column(
            name,
            justify="left" if left else "right",
            overflow="fold",
            no_wrap=name not in ("point", *numbers),
        )
    names = point_names(list({id(point): point for point, _ in estimates}.values()))
    for point, e in estimates:
        counts = reuse_counts(e.plan)
        number, name = names[id(point)]
        table.add_row(
            str(number),
            escape(name),
            *([e.convention.name] if several else []),
            str(e.plan.calls),
            MISSING if e.least else " ".join(str(counts.get(kind, "-")) for kind in KINDS),
            f"{e.flops.baseline / TERA:.6g}",
            _between(e, lambda flops: f"{flops.method / TERA:.6g}"),
            _between(e, lambda flops: f"{flops.ratio:.5f}"),
            _between(e, lambda flops: f"{1 / flops.ratio:.3f}x"),
            _between(e, lambda flops: f"{1 / flops.denoising_ratio:.3f}x"),
            f"{e.cache.peak / GIBI:.4g}",
        )
    return table


def _between(e: Estimate, show: Callable[[Flops], str]) -> str:
    """A number of the method or, where it decides while it samples, its bounds."""
    return show(e.flops) if e.least is None else f"{show(e.least)}\n{show(e.flops)}"


def speeds_table(points: Sequence[GridPoint], speeds: Sequence[Speed]) -> Table:
    """One row per point whose speed is known from calls that were timed on this machine."""
    table = Table(title="measured", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    heads = ("job", "point", "speedup [95 %]", "bound by time", "denoise s", "baseline s")
    for head in heads:
        left = head == "point"
        table.add_column(head, justify="left" if left else "right", no_wrap=not left)
    names = point_names(points)
    for point, speed in zip(points, speeds, strict=True):
        number, name = names[id(point)]
        speedup, bound = speed.speedup, speed.bound
        table.add_row(
            str(number),
            escape(name),
            f"{speedup.value:.3f} [{speedup.low:.3f}, {speedup.high:.3f}]",
            MISSING if bound is None else f"{bound.value:.3f}",
            f"{speed.seconds:.3g}",
            f"{speed.baseline_seconds:.3g}",
        )
    return table


def speed_lines(speeds: Sequence[Speed | None]) -> list[str]:
    """How speedups were measured, or how they can be."""
    ways = {
        f"speedup: of denoising, from calls that were timed here, by {s.how}" for s in speeds if s
    }
    if None in speeds:
        ways.add("speedups that are missing: task=speed with the same arguments measures them")
    return [escape(line) for line in sorted(ways)]


def point_names(points: Sequence[GridPoint]) -> dict[int, tuple[int, str]]:
    """By the point's identity its number and the overrides in which points differ."""
    shared = set.intersection(*(set(point.overrides) for point in points))
    names = {}
    for number, point in enumerate(points):
        own = " ".join(o for o in point.overrides if o not in shared)
        name = point.settings.model.name
        preset = "" if point.settings.preset == "none" else f" {point.settings.preset}"
        names[id(point)] = number, own or f"{name}{preset}"
    return names


def kinds_table(estimate: Estimate) -> Table:
    """One row per kind: operations and memory."""
    table = Table(title="by kind", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("kind")
    for name in ("baseline T", "share", "method T", "saved", "cache GiB"):
        table.add_column(name, justify="right")
    rows = estimate.flops.by_kind()
    for name, row in rows.items():
        held = sum(n for group, n in estimate.cache.at_peak.items() if group.kind == name)
        baseline, method = row["baseline"], row["method"]
        if not baseline:  # The model has no such kind, or the convention leaves it out.
            continue
        table.add_row(
            name,
            f"{baseline / TERA:.6g}",
            f"{baseline / estimate.flops.baseline:.1%}",
            f"{method / TERA:.6g}",
            f"{1 - method / baseline:.1%}",
            f"{held / GIBI:.4g}" if name in KINDS else "",
        )
    return table


def notes(estimates: Sequence[Estimate]) -> list[str]:
    """What the numbers mean."""
    lines = [
        "T: 10^12 operations. ratio: method / baseline. bound: baseline / method, the largest "
        "speedup that the plan allows if time goes with operations; denoise bound: without text "
        "encoder and decoder.",
        "Norms, activations and softmax are not counted (as by PyTorch's counter).",
    ]
    open_ones = sorted({e.settings.method.name for e in estimates if e.least is not None})
    if open_ones:
        lines.append(
            f"{', '.join(open_ones)}: decides while it samples. Two numbers: with all left out "
            "that may be, and with nothing; exact of sampled videos only. cache: the most it holds."
        )
    ways = {e.convention.name: e.convention for e in estimates}.values()
    lines += [f"convention {convention.name}: {convention.description}" for convention in ways]
    texts = {
        f"{e.settings.model.name}: {e.text_tokens} text tokens (from {e.tokens_from})"
        for e in estimates
    }
    lanes = {
        f"{e.settings.model.name}: {e.lanes} calls of the transformer in a step, counted as one"
        for e in estimates
        if e.lanes > 1
    }
    return [escape(line) for line in [*lines, *sorted(texts), *sorted(lanes)]]
