"""Makes the points of methods beside PAB, and says which method meets the target best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.points import Point
from pab_bench.advice.advisor import AdviceFailed, Advisor, check_point
from pab_bench.advice.alternatives import Alternative, best_of, ranked, search_alternative
from pab_bench.advice.rules_file import rules_text
from pab_bench.advice.target import Target
from pab_bench.experiment.point import make_point
from pab_bench.methods.base import Method
from pab_bench.store.records import Record


def sample_alternatives(advisor: Advisor, run: Path) -> dict[str, list[Alternative]]:
    """Search every method that the settings name beside PAB.

    Args:
        advisor: has the target, and has sampled PAB's rules.
        run: the folder of the run.

    Returns:
        By method what was sampled; empty if there is none beside PAB.

    Raises:
        AdviceFailed: if a point cannot be sampled, or lacks what is asked for.
    """
    found: dict[str, list[Alternative]] = {}
    for own in advisor.settings.alternatives:

        def sample(method: Method) -> Alternative:
            settings = replace(advisor.settings, method=method, alternatives=())
            made = make_point(settings, run)
            check_point(made.record)
            return _alternative(advisor, method.name, _setting(method), made.record)

        budget = advisor.settings.advise.budget
        found[own[0].name] = search_alternative(own, advisor.target, sample, budget)
    return found


def methods_content(
    advisor: Advisor, sampled: Mapping[str, Sequence[Alternative]]
) -> dict[str, Any]:
    """What `advice.json` has of several methods; empty if PAB was searched alone.

    Args:
        advisor: has searched PAB.
        sampled: what was sampled of the others.
    """
    if not sampled:
        return {}
    best: dict[str, Alternative | None] = {"pab": None}
    chosen = advisor.recommended()
    if chosen is not None:
        best["pab"] = _alternative(advisor, "pab", rules_text(chosen.rules), chosen.record)
    best |= {name: best_of(found, advisor.target) for name, found in sampled.items()}
    known = [one for one in best.values() if one is not None]
    rows = ranked(known, advisor.target) if known else []
    return {
        "methods": {
            "ranked": rows,
            "not_met": [name for name, one in best.items() if one is None],
            "in_words": _in_words(rows, advisor.target),
            "sampled": [
                {"method": one.method, "setting": one.setting, "point": one.record.id}
                for found in sampled.values()
                for one in found
            ],
        }
    }


def _in_words(rows: Sequence[Mapping[str, Any]], target: Target) -> str:
    if not rows:
        return "**No sampled setting of any method meets the target.**"
    first, *others = rows
    text = f"**{first['method']}** with {first['setting']} "
    if target.speedup is None:
        text += (
            "meets the target with the fewest operations. These are no times: what deciding and "
            "keeping cost is not in them. Whether the quality holds for other prompts is uncertain "
            "where the target does not hold in nearly all draws."
        )
        return text
    alike = [row["method"] for row in others if not row["told_apart"]]
    text += "has the best LPIPS of those that are fast enough"
    return text + (f"; it cannot be told apart from {', '.join(alike)}." if alike else ".")


def _alternative(advisor: Advisor, name: str, setting: str, record: Record) -> Alternative:
    folder = advisor.settings.results_dir / "points" / record.id
    if not (folder / "metrics.parquet").is_file():
        raise AdviceFailed(f"point {record.id} has no metrics.parquet")
    return Alternative(name, setting, record, Point(folder, {"id": record.id}))


def _setting(method: Method) -> str:
    """Its searched key, as on the command line."""
    assert method.search is not None
    return f"method.{method.search.key}={getattr(method, method.search.key)}"
