"""`python -m analysis.wandb_report SWEEP --project P --entity E`: a W&B Report of a tracked sweep.

It is built from what is on disk and refers to the runs that `tracking=wandb` sends. Without
`--save` nothing leaves the machine: the report is written as JSON. Needs the extra `wandb`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.data import SweepData
from analysis.errors import NotASweep, NothingToShow
from analysis.load import load_sweep
from analysis.metrics import MetricFacts
from analysis.pareto import pareto_front
from analysis.tables.catalog import tables
from analysis.tables.provenance import facts, reasons
from pab_bench.engine.kinds import KINDS
from pab_bench.files import write_text

_NO_PACKAGE = "W&B reports need the package wandb-workspaces: pip install 'pab_bench[wandb]'"
_SHOWN_TABLES = ("summary", "table1", "table2", "table3", "segments")
_MOST_METRICS = 6
_MOST_TITLE = 128
_STEP = "denoising_step"


def wandb_report(data: SweepData, project: str, entity: str, title: str = "") -> Any:
    """The report, a `wandb_workspaces.reports.v2.Report`, not yet saved anywhere.

    Args:
        data: the sweep.
        project: the W&B project that its runs were sent to.
        entity: the user or team that owns the project.
        title: the report's; by default the sweep's name.

    Raises:
        ImportError: `wandb-workspaces` is not installed.
    """
    try:
        wr: Any = importlib.import_module("wandb_workspaces.reports.v2")
    except ImportError as error:
        raise ImportError(_NO_PACKAGE) from error

    directory = data.sweep.directory
    name = f"{directory.parent.name}/{directory.name}"
    blocks: list[Any] = [wr.TableOfContents(), wr.H1("What was run"), wr.P(_sentence(data))]
    blocks.append(wr.UnorderedList(items=[f"{k}: {v}" for k, v in facts(data.sweep).items()]))
    blocks += [wr.H1("Quality against cost"), wr.P(_findings(data)), _quality(wr, data)]
    blocks += [wr.H1("Attention difference of the baselines"), _differences(wr, data)]
    blocks += [wr.H1("Videos"), _videos(wr, data), wr.H1("Tables")]
    for table in tables():
        if table.name not in _SHOWN_TABLES:
            continue
        try:
            document = table.make(data).document
        except NothingToShow:
            continue
        blocks += [wr.H2(table.title), wr.MarkdownBlock(document.markdown())]
    missing = reasons(data)
    if missing:
        blocks += [wr.H1("What is missing"), wr.UnorderedList(items=missing)]
    return wr.Report(
        project=project,
        entity=entity,
        title=(title or f"pab_bench: {name}")[:_MOST_TITLE],
        description=_sentence(data),
        blocks=blocks,
        width="fluid",
    )


def serialised(report: Any) -> str:
    """The report as the JSON that the server would get."""
    text: str = report._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=1)
    return text + "\n"


def _runs(wr: Any, name: str, identifiers: Sequence[str]) -> Any:
    """A run set of just these points; a run's id is the point's."""
    listed = ", ".join(f"'{identifier}'" for identifier in identifiers)
    return wr.Runset(name=name, filters=f"Metric('ID') in [{listed}]")


def _points(data: SweepData) -> list[str]:
    return list(dict.fromkeys(point.id for _, point in data.sweep.finished))


def _quality(wr: Any, data: SweepData) -> Any:
    shown = list(data.metrics.values())[:_MOST_METRICS]
    panels = [
        wr.ScatterPlot(
            title=f"{metric.direction} against speedup",
            x=wr.SummaryMetric("speedup"),
            y=wr.SummaryMetric(metric.column),
        )
        for metric in shown
        if metric.needs_reference
    ]
    panels += [
        wr.BarPlot(title=metric.direction, metrics=[wr.SummaryMetric(metric.column)])
        for metric in shown
    ]
    panels.append(wr.LinePlot(title="seconds per denoising step", x=_STEP, y=["step_seconds"]))
    panels.append(wr.RunComparer(diff_only="split"))
    return wr.PanelGrid(runsets=[_runs(wr, "grid points", _points(data))], panels=panels)


def _differences(wr: Any, data: SweepData) -> Any:
    line = wr.LinePlot(
        title="mean squared error to the previous step, before the gate",
        x=_STEP,
        y=[f"attention_difference/{kind}" for kind in KINDS],
        log_y=True,
    )
    picture = wr.MediaBrowser(media_keys=["figures/attention_difference"], num_columns=1)
    baselines = [point.id for point in data.sweep.baselines]
    return wr.PanelGrid(runsets=[_runs(wr, "baselines", baselines)], panels=[line, picture])


def _videos(wr: Any, data: SweepData) -> Any:
    baselines = [point.id for point in data.sweep.baselines]
    places = sorted({place for point in data.sweep.baselines for place in point.videos()})
    keys = [f"videos/{prompt:03d}-{seed}" for prompt, seed in places]
    identifiers = list(dict.fromkeys([*baselines, *_points(data)]))
    return wr.PanelGrid(
        runsets=[_runs(wr, "baselines and grid points", identifiers)],
        panels=[wr.MediaBrowser(media_keys=keys, num_columns=4)],
    )


def _sentence(data: SweepData) -> str:
    finished, jobs = len(data.finished), len(data.sweep.jobs)
    models = ", ".join(str(name) for name in data.finished["model"].dropna().unique())
    swept = f" over {', '.join(data.swept)}" if data.swept else ""
    return f"{finished} of {jobs} grid points of {models or 'no model'} are finished{swept}."


def _findings(data: SweepData) -> str:
    """Which points no other beats, metric by metric, in numbers from the records."""
    sentences = []
    rows = data.finished
    for metric in data.metrics.values():
        if not metric.needs_reference or metric.higher_is_better is None:
            continue
        known = rows[rows[metric.column].notna() & rows["speedup"].notna()]
        if not known.empty:
            sentences.append(f"{metric.heading}: {_front(known, metric)}.")
    return " ".join(["Points that no other beats in both.", *sentences]) if sentences else ""


def _front(rows: Any, metric: MetricFacts) -> str:
    sign = 1 if metric.higher_is_better else -1
    best = rows.iloc[pareto_front(list(rows["speedup"]), list(sign * rows[metric.column]))]
    return ", ".join(
        f"{row['label']} ({row['speedup']:.3f}x, {metric.text(row[metric.column])})"
        for row in best.to_dict("records")
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if the report was built."""
    parser = argparse.ArgumentParser(prog="python -m analysis.wandb_report", description=__doc__)
    parser.add_argument("directory", type=Path, help="a sweep directory")
    parser.add_argument("--project", required=True, help="the W&B project of its runs")
    parser.add_argument("--entity", required=True, help="the user or team that owns the project")
    parser.add_argument("--title", default="", help="default: the sweep's name")
    parser.add_argument("--json", type=Path, help="where to; default: wandb_report.json beside it")
    parser.add_argument("--save", action="store_true", help="publish it, too (needs an account)")
    options = parser.parse_args(arguments)
    try:
        data = SweepData(load_sweep(options.directory))
        report = wandb_report(data, options.project, options.entity, options.title)
    except (NotASweep, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    path = options.json or data.sweep.directory / "wandb_report.json"
    print(f"written to {write_text(path, serialised(report))}")
    if options.save:
        report.save()
        print(f"published: {report.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
