"""Pyramid Attention Broadcast: rules per kind, and which tensor is kept.

Source: PAB, arXiv 2408.12588; VideoSys `core/pab_mgr.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from pab_bench.engine.kinds import BroadcastObject
from pab_bench.methods.base import Acceleration, Facts
from pab_bench.methods.rules import GapRule, KeyRule, Rules
from pab_bench.methods.windows import window_json

if TYPE_CHECKING:
    from pab_bench.engine.plan import Plan


@dataclass(frozen=True)
class PyramidAttentionBroadcast(Acceleration):
    """The method `pab`; as it is made without arguments, nothing is broadcast: the baseline.

    Attributes:
        rules: what is broadcast, with the model's windows filled in.
        broadcast_object: which tensor of a site is kept.
    """

    rules: Rules = field(default_factory=Rules)
    broadcast_object: BroadcastObject = "output"

    name: ClassVar[str] = "pab"

    def is_baseline(self) -> bool:
        """Whether broadcasting is switched off for every kind.

        A gap of 1 is not a baseline although it reuses nothing: it is sampled through the attached
        method and compared with the baseline, as a control.
        """
        return self.rules.reuse_nothing()

    def identity(self, depth: int) -> dict[str, Any]:
        """Method, rules and broadcast object, as plain JSON.

        Rules that reuse nothing are left out, so that they make one point whatever their window is.
        """
        baseline = self.is_baseline()
        return {
            "method": None if baseline else self.name,
            "rules": {
                entry.name: _resolved(getattr(self.rules, entry.name), depth)
                for entry in fields(self.rules)
            },
            "broadcast_object": None if baseline else self.broadcast_object,
        }

    def plan(self, facts: Facts) -> Plan:
        """Apply the rules; gaps count steps, and begin anew after `facts.steps` calls."""
        # Deferred: settings are made before numpy is needed.
        from pab_bench.methods.pab_plan import make_plan

        return make_plan(
            self.rules, facts.timesteps, facts.depth, facts.groups, facts.steps, facts.depths
        )


def _resolved(rule: GapRule | KeyRule, depth: int) -> dict[str, Any] | None:
    """A rule as plain JSON; None if it never reuses."""
    if isinstance(rule, KeyRule):
        keys = [
            {"timestep": k.timestep, "reuse_steps": k.reuse_steps, "blocks": sorted(k.blocks)}
            for k in rule.keys
            if k.reuse_steps and k.blocks
        ]
        usual = rule.max_distance == rule.usual_distance
        reach = {} if usual else {"max_distance": rule.max_distance}
        return {"skip": True, "keys": keys, **reach} if keys else None
    if not rule.skip or rule.gap == 1:
        return None
    return {
        "skip": True,
        "threshold": window_json(rule.threshold),
        "gap": rule.gap,
        "block": None if rule.block in (None, (0, depth - 1)) else list(rule.block),
    }
