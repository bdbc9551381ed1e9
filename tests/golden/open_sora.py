"""Golden data of Open-Sora 1.2's transformer, sampler and broadcasting.

Understands five formats, which it tells by their content: forward calls of a small transformer
with its weights, the tensors inside one of these calls, rectified-flow timesteps and runs, runs
with PAB and their decisions, and the state-dict keys of the released transformer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from golden.latte import rules_from_videosys

from pab_bench.engine.kinds import (
    CROSS,
    CROSS_TEMPORAL,
    MLP_SPATIAL,
    MLP_TEMPORAL,
    SPATIAL,
    TEMPORAL,
    Group,
)
from pab_bench.engine.plan import Plan
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.verify.base import Check, check

GROUPS: tuple[Group, ...] = (SPATIAL, TEMPORAL, CROSS, CROSS_TEMPORAL, MLP_SPATIAL, MLP_TEMPORAL)
ORDER = (
    ("spatial", (SPATIAL, CROSS, MLP_SPATIAL)),
    ("temporal", (TEMPORAL, CROSS_TEMPORAL, MLP_TEMPORAL)),
)
"""Sites in the order in which a pair of blocks visits them."""


class OpenSoraVerifier:
    """Checks the transformer, rectified flow and broadcasting of Open-Sora 1.2."""

    name = "open_sora"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has at least one file of a known format."""
        return any(_format_of(path) for path in folder.glob("*.json"))

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every file of a known format."""
        from golden import open_sora_run as real

        for path in sorted(folder.glob("*.json")):
            kind = _format_of(path)
            if kind is None:
                continue
            content = json.loads(path.read_text())
            if kind == "keys":
                yield from real.check_keys(path.name, content)
            elif kind == "forward":
                yield from real.check_forward(path, content)
            elif kind == "intermediates":
                yield from real.check_intermediates(path, content)
            elif kind == "rectified flow":
                yield from real.check_rectified_flow(path, content)
            else:
                yield from real.check_pab(path, content)
                yield from _check_defaults(path.name, content)


def _format_of(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    keys = set(content)
    arguments = content.get("constructor_kwargs")
    if isinstance(arguments, dict) and "input_sq_size" in arguments:
        return "keys" if "keys" in keys else "forward" if "calls" in keys else None
    if {"call", "block_order", "tensors"} <= keys:
        return "intermediates"
    if {"timestep_settings", "runs"} <= keys:
        return "rectified flow"
    if {"configs", "decision_format"} <= keys:
        return "pab"
    return None


def rules_of(config: Mapping[str, Any]) -> Rules:
    """Our rules for a VideoSys configuration, MLP broadcast off where attention has none."""
    attention = any(config.get(f"{kind}_broadcast") for kind in ("spatial", "temporal", "cross"))
    return rules_from_videosys(
        {**config, "mlp_broadcast": bool(attention and config.get("mlp_broadcast"))}
    )


def decision_lines(plan: Plan) -> list[str]:
    """`step,timestep,branch,block,kind,compute|reuse` in the order of the sites' visits."""
    reuse = {group: plan.reuse(group) for group in plan.source}
    return [
        f"{step},{timestep},{branch},{block},{group.kind},"
        f"{'reuse' if reuse[group][step, block] else 'compute'}"
        for step, timestep in enumerate(plan.timesteps)
        for block in range(plan.depth)
        for branch, groups in ORDER
        for group in groups
    ]


def differing_lines(ours: list[str], golden: list[str]) -> int:
    """How many lines differ; a line more or less counts as one."""
    pairs = sum(a != b for a, b in zip(ours, golden, strict=False))
    return pairs + abs(len(ours) - len(golden))


def _check_defaults(file: str, content: Mapping[str, Any]) -> Iterator[Check]:
    default = content.get("released_default")
    if default is None:
        return
    for name, run in default["runs"].items():

        def difference(run: Mapping[str, Any] = run) -> float:
            plan = make_plan(
                rules_of(default["config"]), run["int_timesteps"], run["depth"], GROUPS
            )
            return differing_lines(decision_lines(plan), run["decisions"])

        yield check(file, f"released default, {name}: decisions", 0.0, difference, "exact")
