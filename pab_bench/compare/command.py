"""`python -m pab_bench.compare REF_DIR TEST_DIR`: measure videos against others of the same names.

Exit status: 0 if all pairs were measured; 1 if some were refused and the others measured; 2 if
nothing was measured, since an option is wrong or no pair could be read; 3 after a crash, or if the
results could not be written.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
from pab_bench.compare import CRASHED
from pab_bench.compare.folders import FolderRefused
from pab_bench.compare.pairs import Pairs, find_pairs
from pab_bench.compare.results import Results
from pab_bench.compare.sources import KINDS
from pab_bench.compare.table import cells, missing, remarks
from pab_bench.errors import BAD_CONFIGURATION, FAILED, OK, ConfigError, first_line
from pab_bench.files import why_not_writable
from pab_bench.metrics import MetricSettings, get_metrics, measure_set
from pab_bench.metrics.psnr import CAP_DB
from pab_bench.metrics.registry import DEFAULT, METRICS
from pab_bench.metrics.through_mp4 import SUFFIX
from pab_bench.registry import unknown

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 10
PACKAGES = ("pab_bench", "torch", "torchvision", "lpips", "numpy", "opencv-python-headless")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        names = metric_names(options.metrics, options.through)
        reference, test = _folder("REF_DIR", options.reference), _folder("TEST_DIR", options.test)
        weights = None if options.weights is None else str(_folder("--weights", options.weights))
        settings = MetricSettings(_cap(options.psnr_cap_db), weights)
        metrics = get_metrics(names, _device(options.device), settings)
        output = _output(options.output, (reference, test))
        pairs = find_pairs(reference, test)
    except (ConfigError, FolderRefused) as error:
        sys.stderr.write(f"error: {error}\n")
        return BAD_CONFIGURATION
    measured = measure_set(metrics, pairs.clips(), pairs.refuse_last)
    results = Results(measured, pairs, _about(options))
    if not pairs.measured:
        _complain(pairs)
        sys.stderr.write("error: no pair could be measured\n")
        return BAD_CONFIGURATION
    _show(results)
    _complain(pairs)
    try:
        written = results.write(output)
    except OSError as error:
        sys.stderr.write(f"error: --output {output}: cannot be written: {error.strerror}\n")
        return CRASHED
    sys.stdout.write(f"{len(written)} files in {output}\n")
    return FAILED if pairs.refused else OK


def metric_names(names: Sequence[str] | None, through: str | None) -> list[str]:
    """The metrics to measure.

    Args:
        names: what was asked for; `full` stands for all that look at the frames themselves.
        through: `mp4` for the paired metrics of the published tables.

    Raises:
        ConfigError: if a name is unknown, is there twice, or does not exist through mp4.

    Example:
        >>> metric_names(["psnr", "ssim"], "mp4")
        ['psnr_through_mp4', 'ssim_through_mp4']
    """
    repeated = [name for name, count in Counter(names or ()).items() if count > 1]
    if repeated:
        raise ConfigError(f"--metrics {' '.join(names or ())}: has {', '.join(repeated)} twice")
    if names and "full" in names and list(names) != ["full"]:
        raise ConfigError(f"--metrics {' '.join(names)}: full stands for all and needs no others")
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
    for name in names:
        if name not in METRICS:
            raise ConfigError(f"--metrics {name}: {unknown('metric', name, METRICS)}")
    return list(names)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pab_bench.compare",
        description="Measure the videos of a folder against those of the same names in another.",
        epilog=f"Videos: {KINDS}. They are paired by their paths below both folders; names "
        "'{prompt}-{i}' are videos of one prompt. Exit status: 0 all pairs were measured, 1 some "
        "were refused, 2 nothing was measured, 3 a crash or no results written.",
    )
    parser.add_argument("reference", metavar="REF_DIR")
    parser.add_argument("test", metavar="TEST_DIR")
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help=f"full, or names: {', '.join(METRICS)}"
    )
    parser.add_argument(
        "--through", choices=("mp4",), help="write both sides to mp4 first, as PAB's authors did"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--psnr-cap-db", type=float, default=CAP_DB, metavar="DB")
    parser.add_argument("--weights", metavar="DIR", help="where weights of other networks lie")
    parser.add_argument("--output", metavar="DIR", help="default: results/compare/TIME")
    return parser


def _folder(key: str, value: str) -> Path:
    """The folder that an option names; whether it holds anything is seen later."""
    folder = Path(value).expanduser()
    if not value.strip() or not folder.is_dir():
        raise ConfigError(
            f"{key} {value or repr(value)}: expected a folder, {_what(folder, value)}"
        )
    return folder


def _what(folder: Path, value: str) -> str:
    if not value.strip():
        return "got nothing"
    return "it is a file" if folder.exists() else "it does not exist"


def _cap(value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(f"--psnr-cap-db {value}: must be a finite number above 0")
    return value


def _output(value: str | None, inputs: Sequence[Path]) -> Path:
    if value is not None and not value.strip():
        raise ConfigError(f"--output {value!r}: expected a folder, got nothing")
    output = Path("results", "compare", _now()) if value is None else Path(value).expanduser()
    for folder in inputs:
        if output.resolve().is_relative_to(folder.resolve()):
            raise ConfigError(
                f"--output {output}: lies in {folder}, whose videos are compared; give a folder "
                "elsewhere"
            )
    reason = why_not_writable(output.absolute())
    if reason is not None:
        raise ConfigError(f"--output {output}: nothing can be written there: {reason}")
    return output


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = first_line(error)
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


def _show(results: Results) -> None:
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
    for line in [*missing(results.measured, results.pairs), *remarks(results.pairs)]:
        console.print(escape(line), style="yellow", highlight=False, soft_wrap=True)


def _console() -> Console:
    from pab_bench.text.terminal import console

    return console()


def _complain(pairs: Pairs) -> None:
    for name, reason in pairs.refused.items():
        sys.stderr.write(f"refused: {name}: {reason}\n")
    if pairs.ignored:
        more = len(pairs.ignored) - _SHOWN
        listed = ", ".join(map(str, pairs.ignored[:_SHOWN]))
        sys.stderr.write(f"ignored: {listed}{f', and {more} more' if more > 0 else ''}\n")
