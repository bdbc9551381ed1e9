"""Is the advice good? `python tests/benchmarks/advisor.py`

On an embedded mini and its four prompts, `task=advise` is judged by a grid that it does not see:
all presets, every kind alone, and random rules (see `advisor_grid.py`).

- `spearman_lpips`, `spearman_psnr`: rank correlation between the predicted and the measured values
  of the grid's points that the advisor did not sample, after its last run. `..._prior`: from the
  curves alone, without any run.
- `log_error_lpips`, `log_error_psnr`: median of |log(predicted / measured loss)| over them.
- `dominated`: whether a preset in the grid is at least as good as the recommended rules in LPIPS,
  PSNR and operations, and better in one. `dominated_by_grid`: names of all such points.
- `samples_share`: videos that the advisor needed, the baseline twice, over those of the whole grid
  and its baseline, whatever lies in the store.
- `operations_over_front`: the recommended rules' operations over those of the cheapest point of the
  grid that is as good; below 1 where they beat the whole grid. `loss_over_front`: their LPIPS over
  the smallest of the grid's points that take no more operations.
- `beaten`: per preset whether rules that the advisor was to beat it with do: as good or better in
  LPIPS, PSNR and operations, and better in one; with their operations.
- `optuna`: what TPE finds in the same space with as many points: the operations of its cheapest
  point that meets the same target, None if there is none. `hypervolume`: the area in operations and
  log10(LPIPS) that the points of each dominate, within operations below the baseline's and LPIPS
  between 1e-4 and 0.1; calibration and failures included.

The last line is one JSON object.
"""

from __future__ import annotations

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip

import argparse
import json
import logging
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from advisor_grid import Point, base_settings, grid, presets
from scipy.stats import spearmanr

from pab_bench.advice.advisor import Advisor, Trial
from pab_bench.advice.content import beats, content
from pab_bench.advice.exposure import exposure
from pab_bench.advice.markdown import markdown
from pab_bench.advice.rules_file import rules_text
from pab_bench.advice.space import block_ranges, kinds_of, rules_of, windows
from pab_bench.advice.surrogate import METRICS, loss_of, prior
from pab_bench.advice.target import measured
from pab_bench.config.settings import Settings
from pab_bench.experiment.point import make_point
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule
from pab_bench.systems.registry import get_blueprint

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # Here `analysis` is the package, not the benchmark beside this file.
REFERENCE = ROOT / "results" / "reference" / "advice"
TO_BEAT = ("pab236", "pab347", "pab469", "pab_document", "pyramid_inverted")
COMMON = ["record.videos=false", "record.curves=false"]
LPIPS_RANGE = 1e-4, 0.1


@dataclass(frozen=True)
class Row:
    """A point of the grid as it is committed."""

    name: str
    is_preset: bool
    rules: str
    plan: str
    lpips: float
    psnr: float
    flops_ratio: float
    cache_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="latte_mini")
    parser.add_argument("--points", type=int, default=64)
    parser.add_argument("--max-lpips", type=float, default=0.005)
    parser.add_argument("--budget", type=int, default=14)
    parser.add_argument("--results", type=Path, help="points are kept here, and used again")
    parser.add_argument("--from-reference", action="store_true", help="judge on the committed grid")
    parser.add_argument("--write-reference", action="store_true")
    parser.add_argument("--without-presets", action="store_true", help="none is to be beaten")
    parser.add_argument("--without-optuna", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        results = arguments.results or Path(temporary)
        report = judge(arguments, [f"model={arguments.model}", *COMMON, f"results_dir={results}"])
    print(json.dumps(report))


def judge(arguments: argparse.Namespace, lines: list[str]) -> dict[str, Any]:
    base = base_settings(*lines)
    blueprint = get_blueprint(base.model, base.dtype)
    kinds = kinds_of(blueprint.architecture.groups)
    points = grid(lines, arguments.points, blueprint.timesteps(base.steps), kinds)
    folder = REFERENCE / arguments.model
    rows = committed(folder, points) if arguments.from_reference else sampled(points, base)
    target = [f"advise.max_lpips={arguments.max_lpips}", f"advise.budget={arguments.budget}"]
    advisor = advise(base_settings(*lines, "task=advise", *target))
    chosen = advisor.recommended()
    if chosen is None:
        sys.exit("no rules meet the target")
    videos = len(base.prompts) * len(base.seeds)
    report = {
        "model": arguments.model,
        "points": len(rows),
        **held_out(advisor, points, rows),
        "target_lpips": arguments.max_lpips,
        "recommended": rules_text(chosen.rules),
        "recommended_lpips": chosen.measured["lpips"],
        "recommended_psnr": chosen.measured["psnr"],
        "recommended_operations": chosen.flops_ratio,
        **against_grid(chosen, rows),
        "samples": advisor.videos,
        "samples_share": advisor.videos / (videos * (len(rows) + 1)),
    }
    if not arguments.without_presets:
        report["beaten"] = beaten(lines, arguments.budget)
    volumes = {
        "advisor": hypervolume([(t.flops_ratio, t.measured["lpips"]) for t in advisor.trials]),
        "presets": hypervolume([(r.flops_ratio, r.lpips) for r in rows if r.is_preset]),
        "grid": hypervolume([(r.flops_ratio, r.lpips) for r in rows]),
    }
    if not arguments.without_optuna:
        found = optuna_points(advisor, arguments.budget)
        volumes["optuna"] = hypervolume(found)
        good = [ratio for ratio, lpips in found if lpips <= arguments.max_lpips]
        report["optuna"] = {"points": len(found), "operations": min(good, default=None)}
    report["hypervolume"] = volumes
    if arguments.write_reference:
        write(folder, rows, advisor, report)
    return report


def sampled(points: list[Point], base: Settings) -> list[Row]:
    run = base.results_dir / "advisor_grid"
    rows = []
    for number, point in enumerate(points):
        made = make_point(point.settings, run)
        record, was_there = made.record, made.cached
        if record.status != "ok":
            sys.exit(f"{point.name}: {record.error}")
        values = measured(record)
        rows.append(
            Row(
                name=point.name,
                is_preset=point.is_preset,
                rules=rules_text(point.settings.method.rules),
                plan=record.plan["digest"],
                **values,
                flops_ratio=record.cost["flops_ratio"],
                cache_bytes=record.peak_cache_bytes,
            )
        )
        there = ", was there" if was_there else ""
        print(f"{number + 1}/{len(points)} {point.name}: {values}{there}", flush=True)
    return rows


def committed(folder: Path, points: list[Point]) -> list[Row]:
    table = pd.read_csv(folder / "grid.csv")
    if list(table["name"]) != [point.name for point in points]:
        sys.exit(f"{folder / 'grid.csv'} is of another grid; sample it anew")
    return [Row(**row) for row in table.to_dict("records")]


def advise(settings: Settings) -> Advisor:
    advisor = Advisor(settings, settings.results_dir / "advisor_runs")
    advisor.advise()
    print(f"advisor: {advisor.target.in_words()}; {len(advisor.trials)} rules", flush=True)
    return advisor


def held_out(advisor: Advisor, points: list[Point], rows: list[Row]) -> dict[str, Any]:
    """How well the grid's other points are predicted."""
    seen = {trial.plan.digest() for trial in advisor.trials}
    others = [
        (advisor.plan_of(point.settings.method.rules), row)
        for point, row in zip(points, rows, strict=True)
        if row.plan not in seen
    ]
    for plan, row in others:
        if plan.digest() != row.plan:
            sys.exit(f"{row.name}: the grid's plan is another one by now; sample it anew")
    shown = [exposure(plan, advisor.lags) for plan, _ in others]
    surrogate, before = advisor.surrogate(), prior(list(advisor.baseline_plan.source))
    result: dict[str, Any] = {
        "held_out": len(others),
        "beyond_known_lags": sum(one.beyond > 0 for one in shown),
    }
    for metric in METRICS:
        truth = np.array([loss_of(metric, getattr(row, metric)) for _, row in others])
        predicted = np.array([surrogate.loss(metric, surrogate.error(one)) for one in shown])
        order = [before.error(one) for one in shown]
        result[f"spearman_{metric}"] = float(spearmanr(predicted, truth).statistic)
        result[f"spearman_{metric}_prior"] = float(spearmanr(order, truth).statistic)
        result[f"log_error_{metric}"] = float(np.median(np.abs(np.log(predicted / truth))))
    return result


def against_grid(chosen: Trial, rows: list[Row]) -> dict[str, Any]:
    """The recommended rules beside everything in the grid."""
    lpips, psnr, ratio = (*chosen.measured.values(), chosen.flops_ratio)
    better = [
        row
        for row in rows
        if (row.lpips <= lpips and row.psnr >= psnr and row.flops_ratio <= ratio)
        and (row.lpips, row.psnr, row.flops_ratio) != (lpips, psnr, ratio)
    ]
    as_good = [row.flops_ratio for row in rows if row.lpips <= lpips]
    as_cheap = [row.lpips for row in rows if row.flops_ratio <= ratio]
    return {
        "dominated": any(row.is_preset for row in better),
        "dominated_by_grid": [row.name for row in better],
        "operations_over_front": ratio / min(as_good) if as_good else None,
        "loss_over_front": lpips / min(as_cheap) if as_cheap else None,
    }


def beaten(lines: list[str], budget: int) -> dict[str, Any]:
    """Whether rules can be found that beat each preset."""
    found = {}
    for name in presets(lines):
        if name not in TO_BEAT:
            continue
        own = [f"preset={name}", "task=advise", f"advise.budget={budget}"]
        advisor = advise(base_settings(*lines, *own))
        chosen, rules = advisor.recommended(), advisor.to_beat
        assert rules is not None
        found[name] = {
            "beaten": chosen is not None and beats(chosen, rules),
            "operations": rules.flops_ratio,
            "operations_found": None if chosen is None else chosen.flops_ratio,
            "samples": advisor.videos,
        }
    return found


def optuna_points(advisor: Advisor, count: int) -> list[tuple[float, float]]:
    """(operations, LPIPS) of `count` points that Optuna chooses in the advisor's space."""
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    plan = advisor.baseline_plan
    steps, blocks = windows(plan.timesteps), block_ranges(plan.depth)
    found = []

    def sample(trial: optuna.Trial) -> tuple[float, float]:
        chosen = {}
        for kind in advisor.kinds:
            gap = trial.suggest_int(f"{kind}_gap", 1, advisor.lags.longest + 1)
            window = steps[trial.suggest_int(f"{kind}_window", 0, len(steps) - 1)]
            block = blocks[trial.suggest_int(f"{kind}_block", 0, len(blocks) - 1)]
            if gap > 1:
                chosen[kind] = GapRule(True, window, gap, block)
        settings = replace(advisor.settings, method=PyramidAttentionBroadcast(rules_of(chosen)))
        record = make_point(settings, settings.results_dir / "advisor_optuna").record
        values = record.cost["flops_ratio"], measured(record)["lpips"]
        found.append(values)
        return values

    sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=count // 2)
    optuna.create_study(directions=["minimize"] * 2, sampler=sampler).optimize(sample, count)
    return found


def hypervolume(points: list[tuple[float, float]]) -> float:
    """See the head of this file; 1 would be LPIPS 1e-4 without any operations."""
    low, high = np.log10(LPIPS_RANGE)
    area, best = 0.0, 1.0
    scaled = sorted(
        (float(np.clip((np.log10(max(lpips, 1e-12)) - low) / (high - low), 0, 1)), ratio)
        for ratio, lpips in points
    )
    # From the best quality on, every cheaper point adds the stripe up to the cost so far.
    for loss, ratio in scaled:
        if ratio < best:
            area += (best - ratio) * (1 - loss)
            best = ratio
    return area


def write(folder: Path, rows: list[Row], advisor: Advisor, report: dict[str, Any]) -> None:
    """The reference results."""
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([asdict(row) for row in rows]).to_csv(folder / "grid.csv", index=False)
    from analysis.figures.advice import advice_figure
    from analysis.figures.save import png

    advice = content(advisor)
    (folder / "advice.md").write_text(markdown(advice))
    (folder / "advice.png").write_bytes(png(advice_figure(advice)))
    (folder / "judgement.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
