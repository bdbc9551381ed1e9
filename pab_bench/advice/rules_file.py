"""Rules as the YAML that `pab_file=` and `conf/preset` take."""

from __future__ import annotations

from pab_bench.engine.kinds import KINDS
from pab_bench.methods.rules import GapRule, KeyRule, Rules
from pab_bench.methods.windows import Window


def rules_yaml(rules: Rules, comments: list[str]) -> str:
    """All gaps, windows and blocks, so that nothing depends on a model's recommendations.

    Args:
        rules: with gaps for every kind; both branches' MLPs alike.
        comments: lines that stand above, without `#`.

    Raises:
        ValueError: if MLPs are broadcast by keys, which the advisor never proposes.
    """
    lines = ["# @package _global_", *(f"# {line}" for line in comments)]
    of_kind = {
        "spatial": rules.spatial,
        "temporal": rules.temporal,
        "cross": rules.cross,
        "mlp": rules.mlp_spatial,
    }
    for kind in KINDS:
        rule = of_kind[kind]
        if isinstance(rule, KeyRule):
            raise ValueError("MLP broadcast by keys cannot be written as gaps")
        lines += ["", *_lines(kind, rule)]
    return "\n".join(lines) + "\n"


def _lines(kind: str, rule: GapRule) -> list[str]:
    if not rule.skip or rule.gap == 1:
        return [f"{kind}_skip: false"]
    lines = [
        f"{kind}_skip: true",
        f"{kind}_threshold: {_yaml(rule.threshold)}",
        f"{kind}_gap: {rule.gap}",
    ]
    if rule.block is not None:
        lines.append(f"{kind}_block: [{rule.block[0]}, {rule.block[1]}]")
    return lines


def _yaml(window: Window) -> str:
    if isinstance(window, tuple):
        return f"[{window[0]}, {window[1]}]"
    return f'"{window}"'


def rules_text(rules: Rules) -> str:
    """The rules in one line: per kind gap, window and blocks; MLP keys as their number."""
    of_kind = {
        "spatial": rules.spatial,
        "temporal": rules.temporal,
        "cross": rules.cross,
        "mlp": rules.mlp_spatial,
    }
    words = []
    for kind, rule in of_kind.items():
        if isinstance(rule, KeyRule):
            if rule.keys:
                words.append(f"{kind} at {len(rule.keys)} keys")
        elif rule.skip and rule.gap > 1:
            window = rule.threshold
            where = f"({window[0]}, {window[1]})" if isinstance(window, tuple) else str(window)
            block = "" if rule.block is None else f" blocks {rule.block[0]}-{rule.block[1]}"
            words.append(f"{kind} gap {rule.gap} in {where}{block}")
    return "; ".join(words) or "nothing is reused"
