"""The grid on which the advisor is judged: fixed here, before and without it.

Every preset that the model can follow, every kind alone with three gaps over all steps, and seeded
random rules, in which every kind has its own gap, window and blocks, or is off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pab_bench.config import hydra_setup
from pab_bench.config.paths import CONF
from pab_bench.config.preflight import preflight
from pab_bench.config.settings import Settings
from pab_bench.engine.kinds import KINDS, Kind
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.methods.rules import GapRule, Rules

ALONE_GAPS = (2, 4, 8)
GAPS = (2, 3, 4, 6, 8)
OFF = 0.25
"""Share of random rules in which a kind is not broadcast."""
SHARES_OF_STEPS = (
    (0.0, 1.0),
    (0.0, 0.5),
    (0.5, 1.0),
    (0.2, 0.9),
    (0.1, 0.7),
    (0.3, 0.8),
)
"""Windows, as shares of the steps from the noisiest on."""
SHARES_OF_BLOCKS = ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (0.2, 0.8))
SEED = 20240822


@dataclass(frozen=True)
class Point:
    """A point of the grid: its name, whether it is a preset's, and its settings."""

    name: str
    is_preset: bool
    settings: Settings


def base_settings(*lines: str) -> Settings:
    """What a command line with these settings would run."""
    hydra_setup.register()
    return preflight(hydra_setup.argument_parser().parse_args(list(lines))).points[0].settings


def grid(
    lines: list[str], count: int, timesteps: tuple[int, ...], kinds: list[Kind]
) -> list[Point]:
    """The grid's points.

    Args:
        lines: the command line that all points share.
        count: how many points there are.
        timesteps: at the calls of the transformer.
        kinds: those that the model has.
    """
    base = base_settings(*lines)
    depth = base.model.depth
    found = [Point(name, True, s) for name, s in presets(lines).items()]
    whole = _window(timesteps, (0.0, 1.0))
    for kind in kinds:
        for gap in ALONE_GAPS:
            rules = _rules({kind: GapRule(True, whole, gap)})
            found.append(Point(f"{kind} alone, gap {gap}", False, _with(base, rules)))
    draw = np.random.default_rng(SEED)
    known = {str(settings_identity(point.settings)["rules"]) for point in found}
    while len(found) < count:
        chosen = {}
        for kind in kinds:
            off = draw.random() < OFF
            gap = int(draw.choice(GAPS))
            window = _window(timesteps, SHARES_OF_STEPS[draw.integers(len(SHARES_OF_STEPS))])
            first, last = SHARES_OF_BLOCKS[draw.integers(len(SHARES_OF_BLOCKS))]
            block = (int(first * depth), max(int(first * depth), int(np.ceil(last * depth)) - 1))
            if not off:
                chosen[kind] = GapRule(True, window, gap, block)
        settings = _with(base, _rules(chosen))
        key = str(settings_identity(settings)["rules"])
        if chosen and key not in known:
            known.add(key)
            found.append(Point(f"random {len(found)}", False, settings))
    return found[:count]


def _with(base: Settings, rules: Rules) -> Settings:
    return replace(base, method=PyramidAttentionBroadcast(rules))


def presets(lines: list[str]) -> dict[str, Settings]:
    """Every preset but `none`, for the model of the command line."""
    names = sorted(path.stem for path in (CONF / "preset").glob("*.yaml"))
    return {name: base_settings(*lines, f"preset={name}") for name in names if name != "none"}


def _window(timesteps: tuple[int, ...], shares: tuple[float, float]) -> tuple[int, int]:
    distinct = sorted(set(timesteps), reverse=True)
    first, last = (round(share * len(distinct)) for share in shares)
    return distinct[last - 1] - 1, distinct[first] + 1


def _rules(of_kind: dict[Kind, GapRule]) -> Rules:
    assert set(of_kind) <= set(KINDS)
    mlp = of_kind.get("mlp", GapRule())
    others = {kind: rule for kind, rule in of_kind.items() if kind != "mlp"}
    return Rules(**others, mlp_spatial=mlp, mlp_temporal=mlp)
