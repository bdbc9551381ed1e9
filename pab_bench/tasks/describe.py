"""`task=describe`: what a model consists of, as far as broadcasting is concerned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.engine.kinds import KINDS, Group
from pab_bench.engine.sites import Architecture, depths_of
from pab_bench.errors import OK, ConfigError
from pab_bench.experiment.device import resolve_device
from pab_bench.experiment.room import room_of, ways_to_keep_less
from pab_bench.files import write_json
from pab_bench.methods.covered import cover
from pab_bench.methods.rules import GapRule
from pab_bench.methods.windows import FlatPart
from pab_bench.problems import InvalidSettings
from pab_bench.systems.registry import get_blueprint
from pab_bench.tasks.describe_table import show
from pab_bench.tasks.describe_work import StepFacts, from_blueprint, from_model
from pab_bench.tasks.flat_windows import grid_with_windows
from pab_bench.text.sizes import size
from pab_bench.text.terminal import console as make_console

_FEW_STEPS = 10


def describe(grid: Grid) -> int:
    """Print each model's sites, lanes, timesteps, work and memory, and write them to `json`.

    Weights are not needed where configurations say enough; otherwise the model is loaded and its
    transformer called for one step. No video is sampled.

    Returns:
        Exit status 0.

    Raises:
        ConfigError: if a model is known neither by its configurations nor by weights.
    """
    grid = grid_with_windows(grid)
    console = make_console()
    described = []
    for settings in _models(grid):
        content = describe_model(settings)
        described.append(content)
        show(content, console)
    path = grid.points[0].settings.json
    if path is not None:
        write_json(path, {"models": described})
        console.print(f"written to {path}", highlight=False, soft_wrap=True)
    return OK


def _models(grid: Grid) -> list[Settings]:
    """The first point of every model, size, number of steps, guidance and set of rules."""
    found: dict[Any, Settings] = {}
    for point in grid.points:
        own = point.settings
        found.setdefault((own.model, own.dtype, own.steps, own.guidance, own.method), own)
    return list(found.values())


def describe_model(settings: Settings) -> dict[str, Any]:
    """Describe a model as plain data.

    Returns:
        `known_from`, `configurations` or `weights`; `groups`: per group its `kind`, `branch`,
        `sites`, `kept_bytes`, what is held if all of its outputs are kept, in all lanes, and
        `flops` of a denoising step (None if they are not known); `flops_step` and `flops_rest`, of
        a step and of what is outside of all sites; `lanes`, calls of the transformer in a step;
        `text_tokens`; `timesteps`; `transformers`: of a model with several, at every step the index
        of the one that is called, otherwise empty; `windows`: per kind the window and how many
        steps are in it; `left_out`: by name why a module that attends or is an MLP is no site;
        `notices`.
    """
    facts = _facts(settings)
    architecture = facts.architecture
    windows = _windows(settings, architecture, facts.timesteps)
    return {
        "model": settings.model.name,
        "transformer": type(architecture.transformer).__name__,
        "parameters": facts.parameters,
        "known_from": facts.known_from,
        "size": [settings.model.frames, settings.model.height, settings.model.width],
        "dtype": settings.dtype,
        "guidance": settings.guidance,
        "call": settings.model.call.values(),
        "groups": [
            {
                "group": group.name,
                "kind": group.kind,
                "branch": group.branch,
                "sites": sites,
                "kept_bytes": facts.kept_bytes.get(group, 0),
                "flops": facts.flops.get(group),
            }
            for group, sites in depths_of(architecture).items()
        ],
        "flops_rest": facts.flops_rest,
        "flops_step": facts.flops_step,
        "lanes": facts.lanes,
        "text_tokens": facts.text_tokens,
        "steps": settings.steps,
        "timesteps": list(facts.timesteps),
        "transformers": list(facts.transformers),
        "windows": windows,
        "left_out": dict(getattr(architecture, "left_out", {})),
        "notices": [
            *_notices(settings, windows, len(facts.timesteps)),
            *_too_large(settings, facts.kept_bytes),
        ],
    }


def _facts(settings: Settings) -> StepFacts:
    try:
        blueprint = get_blueprint(settings.model, settings.dtype)
    except InvalidSettings:
        raise
    except ConfigError as unknown:
        try:
            return from_model(settings)
        except ConfigError as error:
            raise ConfigError(f"{unknown}\n{error}") from error
    return from_blueprint(settings, blueprint)


def _windows(
    settings: Settings, architecture: Architecture, timesteps: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """Per kind that the model has and that has a window: the window, and the steps inside."""
    rules = getattr(settings.method, "rules", None)
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        rule = (
            None
            if rules is None
            else next((rules.rule_for(g) for g in architecture.groups if g.kind == kind), None)
        )
        if isinstance(rule, GapRule) and not isinstance(rule.threshold, FlatPart):
            own = cover(kind, rule.threshold, timesteps).to_json()
            found[kind] = {
                "window": own["threshold"],
                "steps_inside": own["steps_inside"],
                "timesteps_inside": own["timesteps"],
            }
    return found


def _too_large(settings: Settings, kept: Mapping[Group, int]) -> list[str]:
    """Kinds of which all outputs are more than the device can hold."""
    try:
        device = settings.cache.device or resolve_device(settings.device)
    except ConfigError:  # It is that of another machine.
        return []
    room = room_of(device)
    held = {kind: sum(n for group, n in kept.items() if group.kind == kind) for kind in KINDS}
    large = [
        f"{kind} {size(number)}"
        for kind, number in held.items()
        if room is not None and number > room.total
    ]
    if room is None or not large:
        return []
    return [
        f"all outputs of a step of one kind are more than {device} can hold, which has "
        f"{size(room.total)}: {', '.join(large)}; less is kept with "
        f"{', '.join(ways_to_keep_less(settings, device))}"
    ]


def _notices(settings: Settings, windows: Mapping[str, Any], calls: int) -> list[str]:
    found = []
    if settings.steps < _FEW_STEPS:
        found.append(
            f"steps={settings.steps}: with fewer than {_FEW_STEPS} there is little to reuse, and "
            "every step matters"
        )
    found += [
        f"{kind}: no step is inside of the window {window['window']}, so that nothing is reused"
        for kind, window in windows.items()
        if not window["steps_inside"] and calls
    ]
    return found
