"""`python -m analysis.reference [--run]`: the small reference results of the ready sweeps.

Takes the newest finished sweep of each name from a results folder, makes its products again and
copies tables and key figures (no videos) into `results/reference`. With `--run` the sweeps are
run first; what is in the results already is not computed again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.build import build
from analysis.comparisons import gaps
from analysis.data import SweepData
from analysis.errors import AnalysisError
from analysis.load import load_sweep
from analysis.tables.gap_by_kind import gap_by_kind_table
from pab_bench.files import write_bytes, write_text


@dataclass(frozen=True)
class Reference:
    """What is kept of a sweep.

    Attributes:
        arguments: of `python -m pab_bench`; they name the sweep's folder by `name=` or `+sweeps=`.
        figures: which figures are kept.
        tables: which tables are kept, beside the summary.
    """

    arguments: tuple[str, ...]
    figures: tuple[str, ...]
    tables: tuple[str, ...] = ()


_TIMED = ("measure.repeats=3", "measure.replay=false")
"""Tables 2 and 3 compare times, which replayed steps do not have of their own."""
REFERENCES = {
    "gap": Reference(
        ("-m", "spatial_gap=1,2,4", "name=gap", "record.attention_maps=true"),
        (
            "attention_difference",
            "attention_blocks",
            "attention_pictures",
            "quality",
            "contact_sheet",
        ),
        ("segments", "differences"),
    ),
    "gap_control": Reference(
        ("-m", "spatial_gap=1,2,4", "name=gap_control", "model=latte_mini_random"),
        ("attention_difference",),
        ("segments",),
    ),
    "presets": Reference(
        ("-m", "preset=pab236,pab347,pab469,pab_document", "name=presets"),
        ("trade_off", "schedule"),
        ("table1",),
    ),
    "components": Reference(
        ("+sweeps=components", *_TIMED), ("components",), ("table2", "differences")
    ),
    "broadcast_object": Reference(
        ("+sweeps=broadcast_object", *_TIMED), ("broadcast_object",), ("table3", "differences")
    ),
    "thresholds": Reference(("+sweeps=thresholds",), ("threshold_map",)),
    "blocks": Reference(("+sweeps=blocks",), ("block_map",)),
}
ALONE = ("gap_spatial", "gap_temporal", "gap_cross")
"""Sweeps of one kind each; the whole store shows them together."""


def newest(results: Path, name: str) -> Path | None:
    """The folder of the newest sweep of that name; None if there is none."""
    folders = sorted(path for path in (results / name).glob("*") if path.is_dir())
    return folders[-1] if folders else None


def refresh(results: Path, target: Path) -> dict[str, str]:
    """Copy what there is; returns, by name, why something is not there.

    Args:
        results: a results folder.
        target: where to.
    """
    missing = {}
    for name, reference in REFERENCES.items():
        sweep = newest(results, name)
        if sweep is None:
            missing[name] = "no such sweep in the results"
            continue
        skipped = build(sweep).skipped
        wanted = {f"figures/{figure}": f"figures/{figure}.png" for figure in reference.figures}
        wanted |= {f"tables/{t}": f"tables/{t}.md" for t in ("summary", *reference.tables)}
        wanted["summary.csv"] = "summary.csv"
        for product, file in wanted.items():
            if (sweep / file).is_file():
                content = (sweep / file).read_bytes()
                write_bytes(target / name / Path(file).name, content)
            else:
                missing[f"{name}: {product}"] = skipped.get(product, "could not be made")
    return missing


def together(results: Path, target: Path) -> str | None:
    """Make quality over gap per kind, from the whole store; returns why not, or None."""
    from analysis.figures.gap_by_kind import gap_by_kind
    from analysis.figures.save import png

    try:
        data = SweepData(load_sweep(results))
        table = gap_by_kind_table(data).document.markdown()
        figure = png(gap_by_kind(gaps(data), data.metrics))
    except AnalysisError as error:
        return str(error)
    write_text(target / "gap_by_kind" / "gap_by_kind.md", table)
    write_bytes(target / "gap_by_kind" / "gap_by_kind.png", figure)
    return None


def run_sweeps(results: Path) -> None:
    """Run every sweep.

    Raises:
        CalledProcessError: one of them failed.
    """
    commands = [*(entry.arguments for entry in REFERENCES.values())]
    commands += [(f"+sweeps={name}",) for name in ALONE]
    for arguments in commands:
        command = [sys.executable, "-m", "pab_bench", *arguments, f"results_dir={results}"]
        subprocess.run(command, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if everything is there."""
    parser = argparse.ArgumentParser(prog="python -m analysis.reference", description=__doc__)
    parser.add_argument("--run", action="store_true", help="run the sweeps first")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--to", type=Path, default=Path("results/reference"))
    options = parser.parse_args(arguments)
    if options.run:
        run_sweeps(options.results)
    missing = refresh(options.results, options.to)
    reason = together(options.results, options.to)
    if reason is not None:
        missing["gap_by_kind"] = reason
    for name, why in missing.items():
        print(f"{name}: {why}")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
