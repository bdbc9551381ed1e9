"""`python -m pab_bench.compare REF_DIR TEST_DIR`: measure videos against others of the same names.

Exit status: 0 if all pairs were measured, 1 if some were refused, 2 if there is nothing to compare.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from pab_bench.compare.pairs import FolderRefused, Pairs, find_pairs
from pab_bench.compare.results import Results
from pab_bench.compare.sources import KINDS
from pab_bench.compare.table import cells, missing
from pab_bench.errors import ConfigError
from pab_bench.files import why_not_writable
from pab_bench.metrics import MetricSettings, get_metrics, measure_set
from pab_bench.metrics.psnr import CAP_DB
from pab_bench.metrics.registry import DEFAULT, METRICS
from pab_bench.metrics.through_mp4 import SUFFIX

if TYPE_CHECKING:
    from rich.console import Console

PACKAGES = ("pab_bench", "torch", "torchvision", "lpips", "numpy", "opencv-python-headless")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        names = metric_names(options.metrics, options.through)
        if options.weights is not None and not Path(options.weights).expanduser().is_dir():
            raise ConfigError(f"--weights {options.weights}: is not a folder")
        settings = MetricSettings(options.psnr_cap_db, options.weights)
        metrics = get_metrics(names, _device(options.device), settings)
        pairs = find_pairs(options.reference, options.test)
        output = options.output or Path("results", "compare", _now())
        reason = why_not_writable(output.absolute())
        if reason is not None:
            raise ConfigError(f"--output {output}: nothing can be written there: {reason}")
    except (ConfigError, FolderRefused) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    measured = measure_set(metrics, pairs.clips())
    results = Results(measured, pairs, _about(options))
    if not pairs.measured:
        _complain(pairs)
        sys.stderr.write("error: no pair could be measured\n")
        return 2
    written = results.write(output)
    _show(results, output, len(written))
    _complain(pairs)
    return 1 if pairs.refused else 0


def metric_names(names: Sequence[str] | None, through: str | None) -> list[str]:
    """The metrics to measure.

    Args:
        names: what was asked for; `full` stands for all that look at the frames themselves.
        through: `mp4` for the paired metrics of the published tables.

    Raises:
        ConfigError: if a name is unknown or does not exist through mp4.

    Example:
        >>> metric_names(["psnr", "ssim"], "mp4")
        ['psnr_through_mp4', 'ssim_through_mp4']
    """
    if through == "mp4":
        names = list(names or ("psnr", "ssim", "lpips"))
        found = [f"{name}{SUFFIX}" for name in names]
        wrong = [name for name in found if name not in METRICS]
        if wrong:
            known = [name.removesuffix(SUFFIX) for name in METRICS if name.endswith(SUFFIX)]
            raise ConfigError(
                f"--through mp4: {wrong[0].removesuffix(SUFFIX)} is not one of {', '.join(known)}"
            )
        return found
    if not names:
        return list(DEFAULT)
    if list(names) == ["full"]:
        return [name for name in METRICS if not name.endswith(SUFFIX)]
    return list(names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pab_bench.compare",
        description="Measure the videos of a folder against those of the same names in another.",
        epilog=f"Videos: {KINDS}. Names '{{prompt}}-{{i}}' are videos of one prompt.",
    )
    parser.add_argument("reference", metavar="REF_DIR", type=Path)
    parser.add_argument("test", metavar="TEST_DIR", type=Path)
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help=f"full, or names: {', '.join(METRICS)}"
    )
    parser.add_argument(
        "--through", choices=("mp4",), help="write both sides to mp4 first, as PAB's authors did"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--psnr-cap-db", type=float, default=CAP_DB, metavar="DB")
    parser.add_argument("--weights", metavar="DIR", help="where weights of other networks lie")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: results/compare/TIME")
    return parser


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {name}: {reason}; use auto or cpu") from error
    return name


def _about(options: argparse.Namespace) -> dict[str, Any]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "reference": str(options.reference),
        "test": str(options.test),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "psnr_cap_db": options.psnr_cap_db,
        "versions": versions,
    }


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S-%f")


def _show(results: Results, output: Path, files: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    console = _console()
    headings, rows, numeric = cells(results.summary())
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading, right in zip(headings, numeric, strict=True):
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
    for line in missing(results.measured, results.pairs):
        console.print(escape(line), style="yellow", highlight=False, soft_wrap=True)
    console.print(f"{files} files in {escape(str(output))}", highlight=False, soft_wrap=True)


def _console() -> Console:
    from pab_bench.text.terminal import console

    return console()


def _complain(pairs: Pairs) -> None:
    for name, reason in pairs.refused.items():
        sys.stderr.write(f"refused: {name}: {reason}\n")
    if pairs.ignored:
        sys.stderr.write(f"ignored: {', '.join(map(str, pairs.ignored))}\n")
