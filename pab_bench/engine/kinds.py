"""The kinds of modules whose outputs can be kept, their groups, and what is kept of them.

Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["spatial", "temporal", "cross", "mlp"]
Branch = Literal["spatial", "temporal"]

KINDS: tuple[Kind, ...] = ("spatial", "temporal", "cross", "mlp")

BroadcastObject = Literal["output", "ungated", "scores"]
"""Which tensor is kept: the output after the gate (upstream's PAB) or before it (diffusers' hook),
or the attention probabilities, which new values are then multiplied with (the ablation in Table 3
of the paper). Cross-attention has no gate: the first two mean the module's output. MLPs have no
scores: with `scores` they keep the output after the gate."""

BROADCAST_OBJECTS: tuple[BroadcastObject, ...] = ("output", "ungated", "scores")


@dataclass(frozen=True, order=True)
class Group:
    """All modules of one kind in one branch of the transformer.

    Attributes:
        kind: spatial or temporal self-attention, cross-attention, or mlp.
        branch: whether the modules sit in the spatial or in the temporal blocks. Cross-attention
            and MLP can occur in both.
    """

    kind: Kind
    branch: Branch

    @property
    def name(self) -> str:
        """`spatial`, `temporal`, `cross`, `cross_temporal`, `mlp_spatial` or `mlp_temporal`."""
        if self.kind in ("spatial", "temporal"):
            return self.kind
        if self.kind == "cross":
            return "cross" if self.branch == "spatial" else "cross_temporal"
        return f"mlp_{self.branch}"

    @property
    def description(self) -> str:
        """What messages call its modules.

        >>> [group.description for group in (SPATIAL, CROSS, CROSS_TEMPORAL, MLP_TEMPORAL)]
        ['spatial attention', 'cross attention', 'temporal cross attention', 'temporal mlp']
        """
        if self.kind == "mlp":
            return f"{self.branch} mlp"
        return f"{self.name.replace('cross_temporal', 'temporal cross')} attention"


SPATIAL = Group("spatial", "spatial")
TEMPORAL = Group("temporal", "temporal")
CROSS = Group("cross", "spatial")
CROSS_TEMPORAL = Group("cross", "temporal")
MLP_SPATIAL = Group("mlp", "spatial")
MLP_TEMPORAL = Group("mlp", "temporal")
