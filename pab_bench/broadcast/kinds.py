"""The kinds of broadcastable modules, and their groups. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["spatial", "temporal", "cross", "mlp"]
Branch = Literal["spatial", "temporal"]

KINDS: tuple[Kind, ...] = ("spatial", "temporal", "cross", "mlp")


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


SPATIAL = Group("spatial", "spatial")
TEMPORAL = Group("temporal", "temporal")
CROSS = Group("cross", "spatial")
CROSS_TEMPORAL = Group("cross", "temporal")
MLP_SPATIAL = Group("mlp", "spatial")
MLP_TEMPORAL = Group("mlp", "temporal")
