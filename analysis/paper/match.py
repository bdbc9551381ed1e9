"""Which of the paper's models and rows a point stands beside, and in what it differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.paper.facts import ORIGINAL, ModelSettings, Row, evaluation, settings
from analysis.points import Point
from analysis.rules_text import active_rules

KINDS = ("spatial", "temporal", "cross")
_DIGITS = 16
EXPERIMENTS_OF = {"tgate_pab": "t_gate", "delta_dit_pab": "delta_dit"}
"""Rows of the paper by the method that its experiments made them with."""
AUTHORS_OF = {"tgate": "t_gate", "delta_dit": "delta_dit"}
"""Rows that name a method which its authors define otherwise, by that method."""
_PAB_EXPERIMENTS, _AUTHORS = "of PAB's experiments", "of the method's authors"
_OURS = "the authors' method, our choice of blocks"


def model_of(point: Point) -> ModelSettings | None:
    """The paper's model of the same architecture and sampler; None if it has none."""
    sampler = str(point.value("config", "model", "sampler") or "").rpartition(":")[2]
    return next((model for model in settings() if sampler in model.samplers), None)


def stands_beside(point: Point, row: Row) -> bool:
    """Whether a point was run with the rules of a row of table 1, whatever else differs."""
    if point.is_baseline:
        return row.name == ORIGINAL
    method = point.value("config", "method")
    if isinstance(method, Mapping):
        changed = any(method.get(key) not in (None, "upstream") for key in ("sign", "phase"))
        return row.name == EXPERIMENTS_OF.get(method["name"]) and not changed
    return row.gaps is not None and gaps_of(point) == row.gaps


def row_of_authors(method: str, row: Row) -> bool:
    """Whether a row names a method that its authors define otherwise than the row has it."""
    return AUTHORS_OF.get(method) == row.name


def setting_of(method: str) -> str:
    """Whose setting a method is, for people; empty for PAB and what the paper does not name."""
    if method in EXPERIMENTS_OF:
        return _PAB_EXPERIMENTS
    return {"tgate": _AUTHORS, "delta_dit": _OURS}.get(method, "")


def method_name(point: Point) -> str:
    """The method of a point that is not PAB; else empty."""
    method = point.value("config", "method")
    return str(method["name"]) if isinstance(method, Mapping) else ""


def gaps_of(point: Point) -> tuple[int, ...] | None:
    """The gaps of spatial, temporal and cross-attention, 1 where a kind is off; None without."""
    active = active_rules(point.value("config", "rules") or {})
    rules = [active.get(kind, {"gap": 1}) for kind in KINDS]
    return tuple(rule["gap"] for rule in rules) if all("gap" in rule for rule in rules) else None


def differences(point: Point, model: ModelSettings) -> list[str]:
    """In what the conditions of a point differ from the paper's, as phrases; rules left out."""
    config = point.value("config") or {}
    ours: Mapping[str, Any] = config.get("model") or {}
    found = []
    if ours.get("random_weights") or ours.get("repository") != model.repository:
        digest = str(point.value("model", "weights_digest"))[:_DIGITS]
        kind = "random weights" if ours.get("random_weights") else "weights"
        found.append(f"{kind} {digest} instead of {model.repository}")
    size = (ours.get("frames"), ours.get("height"), ours.get("width"))
    if size != (model.frames, model.height, model.width):
        found.append(
            f"{size[0]} frames of {size[1]} x {size[2]} instead of {model.frames} of {model.size}"
        )
    for key in ("steps", "guidance"):
        theirs = getattr(model, key)
        if config.get(key) != theirs:
            found.append(f"{key} {_number(config.get(key))} instead of {_number(theirs)}")
    paper = evaluation()
    prompts, seeds = len(point.value("prompts") or ()), len(point.value("seeds") or ())
    found.append(
        f"{_count(prompts, 'prompt')} with {_count(seeds, 'seed')} each instead of the "
        f"{paper['prompts']} of {paper['prompt_set']}"
    )
    hardware = point.value("provenance", "gpu") or point.value("provenance", "cpu") or "unknown"
    found.append(f"{hardware} instead of one {paper['hardware']}")
    found.append(f"metrics on decoded frames, the paper's on frames {paper['frames_read']}")
    found.append("latency is denoising alone, the paper's a whole generation")
    return found


def rule_differences(point: Point, model: ModelSettings) -> list[str]:
    """In what the rules of a point differ from those that the paper's row was run with."""
    active = active_rules(point.value("config", "rules") or {})
    said = [rule["threshold"] for rule in active.values() if "threshold" in rule]
    windows = {f"{own[0]}..{own[1]}" if isinstance(own, list) else str(own) for own in said}
    theirs = f"{model.threshold[0]}..{model.threshold[1]}"
    found = [f"window {own} instead of {theirs}" for own in sorted(windows - {theirs})]
    if active and not any(kind.startswith("mlp") for kind in active):
        found.append("no MLP broadcast")
    if any(rule.get("block") for rule in active.values()):
        found.append("only some blocks")
    kept = point.value("config", "broadcast_object")
    if kept not in (None, "output"):
        found.append(f"broadcast object {kept}")
    return found


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
