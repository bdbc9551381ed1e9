"""`task=scaling`: how fast one video would be on several ranks, predicted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from pab_bench.config.grid import Grid, GridPoint
from pab_bench.config.settings import Settings
from pab_bench.cost.conventions import DEFAULT, get_convention
from pab_bench.cost.estimate import estimate
from pab_bench.cost.table import point_names
from pab_bench.errors import ConfigError
from pab_bench.files import write_json
from pab_bench.methods.base import plan_of
from pab_bench.speed.known import KnownSpeeds
from pab_bench.systems.registry import get_blueprint
from pab_bench.tasks.flat_windows import grid_with_windows
from pab_bench.tasks.scaling_content import content, predicted, split_activation
from pab_bench.tasks.scaling_one_rank import one_rank
from pab_bench.tasks.scaling_text import show
from pab_bench.text.terminal import console as make_console


def scaling(grid: Grid) -> int:
    """Predict every grid point on every number of ranks, and print what that rests on.

    From the seconds of one rank, given or measured here, the plan, and what the links are taken to
    carry: seconds on n ranks, split into computing, padding and communication, for each way of
    splitting a video; the speedup as the method's own on one rank times scaling; what reuse brings
    at other bandwidths. The paper's numbers stand beside those of the same seconds on one rank.

    Writes `scaling.json` and figures into `results_dir/predictions/<name>`, or into a folder named
    after the models; `json=FILE` has the same numbers.

    Returns:
        Exit status 0.

    Raises:
        ConfigError: if a model cannot be split so, or nothing tells the seconds of one rank.
    """
    grid = grid_with_windows(grid)
    known = KnownSpeeds()
    points = [_point(point, known) for point in grid.points]
    console = make_console()
    names = point_names(grid.points)
    for point, found in zip(grid.points, points, strict=True):
        show(found, *names[id(point)], console)
    settings = grid.points[0].settings
    folder = scaling_folder(settings, points)
    written = [write_json(folder / "scaling.json", {"points": points})]
    written += _figures(points, folder)
    if settings.json is not None:
        settings.json.parent.mkdir(parents=True, exist_ok=True)
        written.append(write_json(settings.json, {"points": points}))
    for path in written:
        console.print(escape(f"written to {path}"), highlight=False, soft_wrap=True)
    return 0


def scaling_folder(settings: Settings, points: Sequence[dict[str, Any]]) -> Path:
    """Where predictions are written.

    Args:
        settings: of the first point.
        points: what was predicted.
    """
    models = "-".join(dict.fromkeys(point["model"] for point in points))
    return settings.results_dir / "predictions" / (settings.name or models)


def _point(point: GridPoint, known: KnownSpeeds) -> dict[str, Any]:
    settings = point.settings
    name = DEFAULT if settings.convention == "all" else settings.convention
    split_activation(settings)  # Before anything is counted.
    blueprint = get_blueprint(settings.model, settings.dtype)
    plan = plan_of(settings.method, blueprint, settings.steps, settings.guidance)
    if plan.is_open:
        raise ConfigError(
            f"method={settings.method.name}: decides while it samples, so that what it computes, "
            "and what that communicates, is known of sampled videos only"
        )

    def operations() -> float:
        return estimate(settings, get_convention(name)).flops.denoising_ratio

    one = one_rank(settings, plan, operations, known)
    return content(predicted(settings, plan, one), point.overrides)


def _figures(points: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    from analysis.errors import NothingToShow
    from analysis.figures.save import ON_SCREEN, remove, save
    from analysis.scaling_figures import scaling_figures

    written = []
    for name, draw in scaling_figures().items():
        try:
            written += save(draw(points), folder, name, ON_SCREEN)
        except NothingToShow:
            remove(folder, name)
    return written
