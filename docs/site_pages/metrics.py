"""The pages of metrics, from what every metric declares about itself."""

from __future__ import annotations

import math

from pab_bench.config.paths import CONF
from pab_bench.metrics.base import Metric, SetMetric
from pab_bench.metrics.registry import METRICS
from site_pages.docstrings import documented
from site_pages.markdown import block, code, table
from site_pages.yaml_files import read_folder

Class = type[Metric] | type[SetMetric]
_INDEX = """# Metrics

`metrics=default` measures what needs no download, `metrics=full` everything that looks at the
frames themselves, `metrics=through_mp4` what published tables measured;
`'metrics.names=[psnr,lpips]'` chooses. A metric whose weights or library are not here is missing,
with a reason, and is measured from the stored frames when they are. Intervals, and all else:
[what the numbers mean](../../numbers.md).
"""


def pages() -> dict[str, str]:
    """Write a page for each metric, and one of all."""
    rows = [
        (f"[`{name}`]({name}.md)", metric.label, _better(metric), _range(metric), _needs(metric))
        for name, metric in METRICS.items()
    ]
    head = ("metric", "label", "better", "range", "needs")
    found = {"docs/reference/metrics/index.md": f"{_INDEX}\n{table(head, rows)}\n"}
    for name, metric in METRICS.items():
        found[f"docs/reference/metrics/{name}.md"] = _page(name, metric)
    return found


def _page(name: str, metric: Class) -> str:
    facts = [
        ("in tables", code(metric.column)),
        ("unit", metric.unit or "none"),
        ("better", _better(metric)),
        ("range", _range(metric)),
        ("one value per", metric.per),
        ("compares with the baseline", "yes" if metric.needs_reference else "no"),
        ("definition", metric.definition),
        ("source", metric.source),
        ("measured with", ", ".join(_sets(name)) or "only where it is named"),
    ]
    if metric.brings:
        facts.append(("brings along", ", ".join(f"[`{b}`]({b}.md)" for b in metric.brings)))
    parts = [f"# {metric.label}: `{name}`", documented(metric).markdown()]
    parts.append(table(("fact", "of this metric"), facts))
    if metric.weights:
        rows = [(code(file.name), file.cache, file.origin) for file in metric.weights]
        parts += ["## Weights", "Looked for in `metrics.weights=DIR` first."]
        parts.append(table(("file", "cache of", "from"), rows))
    command = f"python -m pab_bench.compare REFERENCE_DIR TEST_DIR --metrics {name}"
    chosen = code(f"'metrics.names=[{name}]'")
    parts += ["## Measure it", f"In a run by {chosen}, of videos that are there by"]
    parts.append(block("bash", [command]))
    return "\n\n".join(parts) + "\n"


def _better(metric: Class) -> str:
    if metric.higher_is_better is None:
        return "nearer to " + (
            f"{metric.ideal:g}" if metric.ideal is not None else "the baseline's"
        )
    return "higher" if metric.higher_is_better else "lower"


def _range(metric: Class) -> str:
    low, high = metric.value_range
    ends = ["-∞" if low == -math.inf else f"{low:g}", "∞" if high == math.inf else f"{high:g}"]
    return " to ".join(ends)


def _needs(metric: Class) -> str:
    needs = ["baseline"] if metric.needs_reference else []
    return ", ".join([*needs, *(["weights"] if metric.weights else [])]) or "-"


def _sets(name: str) -> list[str]:
    """The options of `metrics` that measure it."""
    return [
        code(f"metrics={option.name}")
        for option in read_folder(CONF / "metrics")
        if name in option.values["names"]
    ]
