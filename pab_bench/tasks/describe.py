"""`task=describe`: what a model consists of, as far as broadcasting is concerned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pab_bench.config.grid import Grid
from pab_bench.config.settings import Settings
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import KINDS, Group
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import Architecture, depths_of, transformers_of
from pab_bench.errors import OK
from pab_bench.experiment.session import Session, open_session
from pab_bench.files import write_json
from pab_bench.methods.base import transformers_called
from pab_bench.methods.covered import cover
from pab_bench.methods.rules import GapRule
from pab_bench.methods.windows import FlatPart
from pab_bench.speed.captured import Captured, Scene
from pab_bench.systems.base import lanes_of
from pab_bench.systems.call_arguments import CallArguments
from pab_bench.tasks.flat_windows import grid_with_windows
from pab_bench.text.missing import MISSING
from pab_bench.text.terminal import console as make_console

_FEW_STEPS = 10
_MOST_LEFT_OUT = 40


def describe(grid: Grid) -> int:
    """Print each model's sites, lanes, timesteps and memory, and write them to `json`.

    The model is loaded, and its transformer called for one step; no video is sampled.

    Returns:
        Exit status 0.
    """
    grid = grid_with_windows(grid)
    console = make_console()
    described = []
    for settings in _models(grid):
        content = describe_model(settings)
        described.append(content)
        _show(content, console)
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
        `groups`: per group its `kind`, `branch`, `sites` and `kept_bytes`, what is held if all of
        its outputs are kept, in all lanes; `lanes`, calls of the transformer in a step;
        `timesteps`; `transformers`: of a model with several, at every step the index of the one
        that is called, otherwise empty; `windows`: per kind the window and how many steps are in
        it; `left_out`: by name why a module that attends or is an MLP is no site; `notices`.
    """
    session = open_session(settings)
    sampler = session.sampler
    architecture = sampler.architecture
    timesteps = sampler.timesteps(settings.steps)
    held = kept_bytes(session, settings)
    windows = _windows(settings, architecture, timesteps)
    return {
        "model": settings.model.name,
        "transformer": type(architecture.transformer).__name__,
        "parameters": sampler.parameters,
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
                "kept_bytes": held.get(group, 0),
            }
            for group, sites in depths_of(architecture).items()
        ],
        "lanes": lanes_of(sampler, settings.guidance),
        "steps": settings.steps,
        "timesteps": list(timesteps),
        "transformers": list(transformers_called(sampler, settings.steps)),
        "windows": windows,
        "left_out": dict(getattr(architecture, "left_out", {})),
        "notices": _notices(settings, windows, len(timesteps)),
    }


def kept_bytes(session: Session, settings: Settings) -> Mapping[Group, int]:
    """Bytes that are held where all outputs of a step are kept, by group.

    By one step's calls of the real transformer, in the dtype and place that `cache` says.
    """
    text, _ = session.encode(settings.prompts[0])
    noise = session.sampler.noise(settings.seeds[0])
    scene = Scene(session.sampler, text, noise, settings.guidance)
    calls = scene.capture(settings.steps)
    return _held(session.sampler.architecture, calls, settings)


def _held(architecture: Architecture, calls: Any, settings: Settings) -> Mapping[Group, int]:
    first: Captured = calls[0]
    timestep = architecture.timestep(first.args, first.kwargs) or 0
    source = {
        group: np.array([np.zeros(blocks), np.zeros(blocks)], dtype=np.int64)
        for group, blocks in depths_of(architecture).items()
    }
    called = (first.transformer, first.transformer)
    plan = Plan((timestep, timestep), architecture.depth, source, called)
    kept = settings.method.broadcast_object
    with Engine(architecture, plan, kept, lanes=len(calls), cache=settings.cache) as engine:
        with torch.no_grad():
            for call in calls:
                transformers_of(architecture)[call.transformer](*call.args, **call.kwargs)
        held: dict[Group, int] = defaultdict(int)
        for (group, _, _, _), tensors in engine.cache.sizes().items():
            held[group] += sum(settings.cache.bytes_of(*tensor) for tensor in tensors)
    return held


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


def _show(content: Mapping[str, Any], console: Console) -> None:
    frames, height, width = content["size"]
    title = (
        f"{content['model']}: {content['transformer']}, "
        f"{content['parameters'] / 1e6:.4g} M parameters, {frames} x {height} x {width}"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for head in ("group", "kind", "sites", "kept MiB", "window", "steps inside"):
        left = head in ("group", "kind")
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
    for group in content["groups"]:
        window = content["windows"].get(group["kind"])
        table.add_row(
            group["group"],
            group["kind"],
            str(group["sites"]),
            f"{group['kept_bytes'] / 2**20:.4g}",
            MISSING if window is None else _window_text(window),
            MISSING if window is None else f"{window['steps_inside']} of {content['steps']}",
        )
    console.print(table)
    times = content["timesteps"]
    lines = [
        f"calls of the transformer in a step: {content['lanes']} (guidance {content['guidance']})",
        *([f"model.call: {CallArguments.of(content['call'])}"] if content["call"] else []),
        f"timesteps: {', '.join(map(str, times[:4]))} ... {times[-1]} ({len(times)})",
        *_sections(content["transformers"]),
        "kept: if all outputs of a step are kept, in all of its calls",
        *[f"no site: {name}: {why}" for name, why in _first(content["left_out"])],
    ]
    more = len(content["left_out"]) - _MOST_LEFT_OUT
    lines += [f"and {more} more"] if more > 0 else []
    for line in lines:
        console.print(escape(line), highlight=False, soft_wrap=True)
    for notice in content["notices"]:
        console.print(escape(notice), style="yellow", highlight=False, soft_wrap=True)


def _sections(called: Sequence[int]) -> list[str]:
    """Which transformer is called at which steps.

    >>> _sections([0, 0, 1])
    ['steps 0 to 1 call transformer 0; steps 2 to 2 call transformer 1']
    """
    if not called:
        return []
    ends = [step for step, this in enumerate(called) if called[step + 1 : step + 2] != [this]]
    starts = [0, *(end + 1 for end in ends[:-1])]
    words = [
        f"steps {start} to {end} call transformer {called[start]}"
        for start, end in zip(starts, ends, strict=True)
    ]
    return ["; ".join(words)]


def _window_text(window: Mapping[str, Any]) -> str:
    """A window of timesteps; a share of the steps with the timesteps that it came to."""
    said, ends = window["window"], window["timesteps_inside"]
    if isinstance(said, str):
        return escape(said if ends is None else f"{said} = {ends[0]} to {ends[1]}")
    return f"{said[0]} to {said[1]}"


def _first(left_out: Mapping[str, str]) -> list[tuple[str, str]]:
    return list(left_out.items())[:_MOST_LEFT_OUT]
