"""Which points of a sweep differ in one thing only, so that they can be compared in it.

Nothing here is told what a sweep was meant for: gap ablations (PAB, figure 8), components left
out (table 2), broadcast objects (table 3), maps of windows and of block ranges are found in the
rules that the records keep.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.data import SweepData
from analysis.errors import NothingToShow
from analysis.frames import baseline_name
from analysis.points import Job, Point
from analysis.rules_text import active_rules, rules_texts

CHANGE = "change"
"""Column with what sets a row apart."""
ALL = "all"
ORIGINAL = "original"
_OBJECT = "broadcast_object"


@dataclass(frozen=True)
class _Entry:
    job: Job
    point: Point
    rules: dict[str, Any]

    def context(self, *without: str) -> str:
        """Everything that determines the point but its rules and the keys `without`."""
        config = self.point.value("config") or {}
        rest = {k: v for k, v in config.items() if k not in ("rules", *without)}
        return json.dumps([self.point.value("model", "name"), rest], sort_keys=True)

    @property
    def depth(self) -> int:
        return int(self.point.value("plan", "depth") or self.point.value("model", "depth"))


def gaps(data: SweepData) -> pd.DataFrame:
    """Points in which one kind alone reuses, by gap; kinds with a single gap are left out.

    Of several series of a kind (other windows or blocks, say) the one with most gaps is taken.

    Returns:
        The summary's columns, with context, kind and gap.

    Raises:
        NothingToShow: no kind was swept alone over several gaps.
    """
    found: dict[tuple[str, str, str], list[tuple[_Entry, dict[str, Any]]]] = {}
    for entry in _entries(data):
        if len(entry.rules) != 1:
            continue
        kind, rule = next(iter(entry.rules.items()))
        if "gap" not in rule:
            continue
        series = (entry.context(), kind, _text(rule, "threshold", "block"))
        found.setdefault(series, []).append((entry, {"kind": kind, "gap": rule["gap"]}))
    longest: dict[Hashable, list[tuple[_Entry, dict[str, Any]]]] = {}
    for (_, kind, _), rows in found.items():
        entry = rows[0][0]
        line = (baseline_name(entry.job.baseline or entry.point), kind)
        if _gap_count(rows) > _gap_count(longest.get(line, [])):
            longest[line] = rows
    kept = [row for rows in longest.values() if _gap_count(rows) > 1 for row in rows]
    if not kept:
        raise NothingToShow("no kind was swept alone over several gaps")
    frame = _frame(data, kept).drop_duplicates(["context", "kind", "gap"])
    return frame.sort_values(["context", "kind", "gap"])


def _gap_count(rows: list[tuple[_Entry, dict[str, Any]]]) -> int:
    return len({row["gap"] for _, row in rows})


def components(data: SweepData) -> pd.DataFrame:
    """A point that reuses in several kinds, and the same with one of them left out at a time.

    Returns:
        The summary's columns, with the context and `change`: `all`, `without spatial` and so on.

    Raises:
        NothingToShow: there is no such set of points.
    """
    entries = list(_entries(data))
    by_rules = {(e.context(), _text(e.rules)): e for e in entries}
    best: list[tuple[_Entry, dict[str, Any]]] = []
    for entry in entries:
        rows = [(entry, {CHANGE: ALL})]
        for kind, left in _without_one(entry.rules):
            other = by_rules.get((entry.context(), _text(left)))
            if other is not None:
                rows.append((other, {CHANGE: f"without {kind}"}))
        if len(rows) > max(len(best), 2):
            best = rows
    if not best:
        raise NothingToShow("no point with several kinds beside the same without one of them")
    return _frame(data, [*best[1:], best[0]])


def objects(data: SweepData) -> pd.DataFrame:
    """Points with the same rules and different broadcast objects, after their baseline.

    Returns:
        The summary's columns, with the context and `change`: `original` and the objects.

    Raises:
        NothingToShow: no rules were run with several broadcast objects.
    """
    found: dict[Hashable, dict[str, _Entry]] = {}
    for entry in _entries(data):
        name = entry.point.value("config", _OBJECT)
        if entry.rules and name is not None:
            key = (entry.context(_OBJECT), _text(entry.rules))
            found.setdefault(key, {}).setdefault(name, entry)
    best = max(found.values(), key=len, default=dict[str, _Entry]())
    if len(best) < 2:
        raise NothingToShow("no rules were run with several broadcast objects")
    frame = _frame(data, [(best[name], {CHANGE: name}) for name in sorted(best)])
    return pd.concat([_original(frame), frame], ignore_index=True)


def thresholds(data: SweepData) -> pd.DataFrame:
    """Points with the same rules in at least three different windows.

    Returns:
        The summary's columns, with context, rules_without, low and high (timesteps).

    Raises:
        NothingToShow: there are none.
    """
    return _map(data, "threshold", "windows")


def blocks(data: SweepData) -> pd.DataFrame:
    """Points with the same rules in at least three different block ranges.

    Returns:
        The summary's columns, with context, rules_without, low and high (blocks, both included).

    Raises:
        NothingToShow: there are none.
    """
    return _map(data, "block", "block ranges")


def _map(data: SweepData, key: str, plural: str) -> pd.DataFrame:
    found: dict[Hashable, list[tuple[_Entry, dict[str, Any]]]] = {}
    for entry in _entries(data):
        gapped = {kind: rule for kind, rule in entry.rules.items() if "gap" in rule}
        if not gapped:
            continue
        values = {_ends(rule.get(key) or (0, entry.depth - 1)) for rule in gapped.values()}
        if len(values) > 1:
            continue
        (ends,) = values
        if ends is None:
            continue
        low, high = ends
        left = {
            kind: {k: v for k, v in rule.items() if k != key or kind not in gapped}
            for kind, rule in entry.rules.items()
        }
        (name,) = rules_texts([left])
        row = {"low": low, "high": high, "rules_without": name}
        found.setdefault((entry.context(), _text(left)), []).append((entry, row))
    best = max(found.values(), key=len, default=[])
    if len({(row["low"], row["high"]) for _, row in best}) < 3:
        raise NothingToShow(f"no rules were run in three or more {plural}")
    return _frame(data, best)


def _ends(pair: Sequence[int] | str) -> tuple[int, int] | None:
    """Both ends; None of a share of the steps, which has no place among timesteps."""
    return None if isinstance(pair, str) else (pair[0], pair[1])


def _entries(data: SweepData) -> Iterable[_Entry]:
    for job, point in data.sweep.finished:
        rules = point.value("config", "rules")
        if rules is not None and not point.is_baseline:
            yield _Entry(job, point, active_rules(rules))


def _frame(data: SweepData, rows: list[tuple[_Entry, dict[str, Any]]]) -> pd.DataFrame:
    summary = data.summary.set_index("job", drop=False)
    parts = []
    for entry, own in rows:
        name = baseline_name(entry.job.baseline or entry.point)
        parts.append({**summary.loc[entry.job.number].to_dict(), "context": name, **own})
    return pd.DataFrame(parts)


def _original(rows: pd.DataFrame) -> pd.DataFrame:
    """What the rows' baseline is known by: its time, and metrics that need no reference."""
    first = rows.iloc[0]
    row: dict[str, Any] = {"context": first["context"], CHANGE: ORIGINAL}
    timed = rows["baseline_denoise_s"].dropna()
    if len(timed):
        row |= {"speedup": 1.0, "denoise_s": timed.iloc[0]}
    for column in rows:
        if column.startswith("baseline_") and column != "baseline_denoise_s":
            row[column.removeprefix("baseline_")] = first[column]
    return pd.DataFrame([row])


def _without_one(rules: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The rules with each component left out; the MLPs of both branches are one component."""
    for component in dict.fromkeys("mlp" if kind.startswith("mlp") else kind for kind in rules):
        left = {k: v for k, v in rules.items() if k != component and not _is_mlp(k, component)}
        yield component.upper() if component == "mlp" else component, left


def _is_mlp(kind: str, component: str) -> bool:
    return component == "mlp" and kind.startswith("mlp")


def _text(rule: Mapping[str, Any], *keys: str) -> str:
    return json.dumps({k: rule.get(k) for k in keys} if keys else rule, sort_keys=True)
