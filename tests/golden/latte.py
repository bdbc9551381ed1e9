"""Golden runs and decisions of Latte, by diffusers and by VideoSys.

Understands the formats of four files, which it tells by their content: a run of a small model with
its weights (`*.json` beside `*.safetensors`), recorded decisions, recorded block ranges, and the
state-dict keys of the released architecture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL, Group
from pab_bench.engine.plan import Plan
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules
from pab_bench.verify.base import Check, check

GROUPS: tuple[Group, ...] = (SPATIAL, TEMPORAL, CROSS, MLP_SPATIAL, MLP_TEMPORAL)


class LatteVerifier:
    """Checks forward passes, sampling, PAB runs, decisions and keys of Latte."""

    name = "latte"

    def recognises(self, folder: Path) -> bool:
        """Whether `folder` has at least one file of a known format."""
        return any(_format_of(path) for path in folder.glob("*.json"))

    def run(self, folder: Path) -> Iterator[Check]:
        """Check every file of a known format."""
        from golden.latte_run import check_keys, check_run

        for path in sorted(folder.glob("*.json")):
            kind = _format_of(path)
            if kind is None:
                continue
            content = json.loads(path.read_text())
            if kind == "run":
                yield from check_run(path, content)
            elif kind == "decisions":
                yield from _check_decisions(path.name, content)
            elif kind == "block ranges":
                yield from _check_block_ranges(path.name, content)
            else:
                yield from check_keys(path.name, content)


def _format_of(path: Path) -> str | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    what = str(content.get("what", ""))
    keys = set(content)
    if {"pab", "forward_calls", "constructor_kwargs"} <= keys and "video_length" in content[
        "constructor_kwargs"
    ]:
        return "run"
    other_system = "Open-Sora" in what or "PNDM" in what
    if {"configs", "timesteps", "counter_modulus"} <= keys and not other_system:
        return "decisions"
    if {"cases", "timesteps", "semantics"} <= keys and "spatial_block" in what:
        return "block ranges"
    if {"keys", "constructor_kwargs", "parameter_count"} <= keys and (
        "video_length" in content["constructor_kwargs"] and "what" not in keys
    ):
        return "keys"
    return None


def rules_from_videosys(config: Mapping[str, Any], spatial_block: list[int] | None = None) -> Rules:
    """Our rules for a VideoSys `PABConfig` and a historical `spatial_block`."""

    def gap_rule(kind: str, block: tuple[int, int] | None = None) -> GapRule:
        low, high = config[f"{kind}_threshold"] or (0, 1)
        return GapRule(
            skip=bool(config[f"{kind}_broadcast"]),
            threshold=(int(low), int(high)),
            gap=int(config[f"{kind}_range"] or 1),
            block=block,
        )

    def key_rule(branch: str) -> KeyRule:
        keys = config.get(f"mlp_{branch}_broadcast_config") or {}
        if not config.get("mlp_broadcast"):
            keys = {}
        return KeyRule(
            tuple(
                KeyTime(int(t), int(v["skip_count"]), frozenset(v["block"]))
                for t, v in keys.items()
            )
        )

    first_last = (int(spatial_block[0]), int(spatial_block[1])) if spatial_block else None
    return Rules(
        spatial=gap_rule("spatial", first_last),
        temporal=gap_rule("temporal"),
        cross=gap_rule("cross"),
        mlp_spatial=key_rule("spatial"),
        mlp_temporal=key_rule("temporal"),
    )


def golden_decisions(decisions: Mapping[str, Mapping[str, str]], group: Group) -> np.ndarray:
    """(calls, depth) booleans from strings of 0 (compute) and 1 (reuse), one per block."""
    blocks = decisions[group.name]
    rows = [[digit == "1" for digit in blocks[f"block_{i}"]] for i in range(len(blocks))]
    return np.array(rows, dtype=bool).T


def deviations(plan: Plan, decisions: Mapping[str, Mapping[str, str]]) -> int:
    """Number of decisions, over all groups, that differ from the golden ones."""
    groups = [group for group in plan.source if group.name in decisions]
    if not groups:
        raise ValueError(f"no known kind among {sorted(decisions)}")
    total = 0
    for group in groups:
        expected = golden_decisions(decisions, group)
        if expected.shape != (plan.calls, plan.depth):
            raise ValueError(
                f"{group.name}: expected {(plan.calls, plan.depth)} decisions, got {expected.shape}"
            )
        total += int((plan.reuse(group) != expected).sum())
    return total


def _depth(decisions: Mapping[str, Mapping[str, str]]) -> int:
    return max(len(blocks) for blocks in decisions.values())


def _check_decisions(file: str, content: dict[str, Any]) -> Iterator[Check]:
    for name, case in content["configs"].items():
        decisions = case["decisions"]

        def difference(case: Any = case, decisions: Any = decisions) -> float:
            rules = rules_from_videosys(case["config"], case.get("spatial_block"))
            plan = make_plan(rules, content["timesteps"], _depth(decisions), GROUPS)
            return deviations(plan, decisions)

        yield check(file, name, 0.0, difference, "exact")


def _check_block_ranges(file: str, content: dict[str, Any]) -> Iterator[Check]:
    for name, case in content["cases"].items():
        decisions = case["decisions"]

        def difference(case: Any = case, decisions: Any = decisions) -> float:
            config = case.get("config") or content.get("config") or _config_in_words(content)
            rules = rules_from_videosys(config, case["spatial_block"])
            plan = make_plan(rules, content["timesteps"], _depth(decisions), GROUPS)
            return deviations(plan, decisions)

        yield check(file, f"spatial_block {name}", 0.0, difference, "exact")


def _config_in_words(content: Mapping[str, Any]) -> dict[str, Any]:
    """The rules as the file's description states them: `spatial gap 2 [100,800], ...`."""
    config: dict[str, Any] = {"mlp_broadcast": False}
    for kind in ("spatial", "temporal", "cross"):
        found = re.search(rf"{kind} gap (\d+) \[(\d+), ?(\d+)\]", content["what"])
        if found is None:
            raise ValueError(f"what: expected '{kind} gap N [low,high]', got {content['what']!r}")
        gap, low, high = (int(number) for number in found.groups())
        config |= {
            f"{kind}_broadcast": True,
            f"{kind}_range": gap,
            f"{kind}_threshold": [low, high],
        }
    return config
