"""The rules of a point in one short line, such as `S2 T4 C7`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LETTERS = {"spatial": "S", "temporal": "T", "cross": "C"}
# The MLPs of spatial and temporal blocks have one word where their rules agree.
MLP_LETTERS = {"mlp": "M", "mlp_spatial": "Ms", "mlp_temporal": "Mt"}
Rules = Mapping[str, Any]


def rules_texts(rows: Sequence[Rules | None]) -> list[str | None]:
    """One line per row: each kind's gap, `-` where the kind is off or its gap is 1.

    What all rows have in common is left out: MLP is named only if some row broadcasts it,
    thresholds and block ranges only where kinds or rows differ in them. `*` stands for a list of
    key timesteps.

    >>> off = {"skip": False, "gap": 1}
    >>> on = {"skip": True, "gap": 2, "threshold": [100, 800], "block": None}
    >>> rules_texts([{"spatial": on, "temporal": off, "cross": off}, None])
    ['S2 T- C-', None]
    """
    active = [active_rules(rules) for rules in rows if rules is not None]
    with_mlp = any(kind in MLP_LETTERS for rules in active for kind in rules)
    windows = {_window(rule) for rules in active for rule in rules.values()} - {None}
    blocks = {_blocks(rule) for rules in active for rule in rules.values()}
    with_windows, with_blocks = len(windows) > 1, len(blocks) > 1
    return [
        None if rules is None else _line(active_rules(rules), with_mlp, with_windows, with_blocks)
        for rules in rows
    ]


def _line(rules: Rules, with_mlp: bool, with_windows: bool, with_blocks: bool) -> str:
    own = {_window(rule) for rule in rules.values()} - {None}
    words = []
    for kind, letter in (LETTERS | _mlp_letters(rules, with_mlp)).items():
        rule = rules.get(kind)
        word = letter + ("-" if rule is None else str(rule.get("gap", "*")))
        if rule is not None and with_blocks and _blocks(rule):
            word += f"[{_blocks(rule)}]"
        if rule is not None and len(own) > 1 and _window(rule):
            word += f"@{_window(rule)}"
        words.append(word)
    if with_windows and len(own) == 1:
        words.append(f"@{own.pop()}")
    return " ".join(words)


def _mlp_letters(rules: Rules, shown: bool) -> dict[str, str]:
    own = {kind: letter for kind, letter in MLP_LETTERS.items() if kind in rules}
    return own or ({"mlp": MLP_LETTERS["mlp"]} if shown else {})


def active_rules(rules: Rules) -> dict[str, Any]:
    """The rules that can reuse something; a rule of key timesteps has `keys` and no gap."""
    found = {kind: rules.get(kind) or {} for kind in (*LETTERS, *MLP_LETTERS)}
    active = {
        kind: rule
        for kind, rule in found.items()
        if rule.get("keys") or (rule.get("skip", True) and rule.get("gap", 1) > 1)
    }
    halves = [active.get("mlp_spatial"), active.get("mlp_temporal")]
    if halves[0] is not None and halves[0] == halves[1]:
        active["mlp"] = active.pop("mlp_spatial")
        del active["mlp_temporal"]
    return active


def _window(rule: Mapping[str, Any]) -> str | None:
    threshold = rule.get("threshold")
    if isinstance(threshold, str):  # A share of the steps.
        return threshold
    return f"{threshold[0]}..{threshold[1]}" if threshold else None


def _blocks(rule: Mapping[str, Any]) -> str:
    block = rule.get("block")
    return f"{block[0]}..{block[1]}" if block else ""
