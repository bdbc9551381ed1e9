"""The kinds of modules whose outputs can be kept, their groups, and what is kept of them.

Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["spatial", "temporal", "cross", "mlp"]
Branch = str
"""A word for blocks, or streams of tokens, of one sort: `spatial` and `temporal` where a model
attends to these in turns; any other where it has others, such as `text` or `single`."""

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
        branch: in which blocks the modules sit. Cross-attention and MLP can occur in several.
    """

    kind: Kind
    branch: Branch

    @property
    def name(self) -> str:
        """`spatial`, `temporal`, `cross`, `cross_temporal`, `mlp_spatial`, `spatial_single` ..."""
        own = self.branch == self.kind or (self.kind == "cross" and self.branch == "spatial")
        return self.kind if own else f"{self.kind}_{self.branch}"

    @property
    def description(self) -> str:
        """What messages call its modules.

        >>> [group.description for group in (SPATIAL, CROSS, CROSS_TEMPORAL, MLP_TEMPORAL)]
        ['spatial attention', 'cross attention', 'temporal cross attention', 'temporal mlp']
        """
        kind = "mlp" if self.kind == "mlp" else f"{self.kind} attention"
        return kind if self.name == self.kind else f"{self.branch} {kind}"


SPATIAL = Group("spatial", "spatial")
TEMPORAL = Group("temporal", "temporal")
CROSS = Group("cross", "spatial")
CROSS_TEMPORAL = Group("cross", "temporal")
MLP_SPATIAL = Group("mlp", "spatial")
MLP_TEMPORAL = Group("mlp", "temporal")
