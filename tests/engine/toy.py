"""A two-block transformer with every kind of site, in milliseconds on a CPU."""

from __future__ import annotations

import torch
from torch import nn

from pab_bench.engine.kinds import CROSS, MLP_SPATIAL, MLP_TEMPORAL, SPATIAL, TEMPORAL
from pab_bench.engine.observation import SiteOutput
from pab_bench.engine.sites import Block

GROUPS = (SPATIAL, TEMPORAL, CROSS, MLP_SPATIAL, MLP_TEMPORAL)
WIDTH = 4


class ToyBlock(nn.Module):
    def __init__(self, cross: bool) -> None:
        super().__init__()
        self.attention = nn.Linear(WIDTH, WIDTH)
        self.cross = nn.Linear(WIDTH, WIDTH) if cross else None
        self.mlp = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        gate = time.sin()
        x = gate * self.attention(x + time) + x
        if self.cross is not None:
            x = self.cross(x) + x
        return gate * self.mlp(x + time) + x


class ToyTransformer(nn.Module):
    def __init__(self, depth: int = 2) -> None:
        super().__init__()
        self.spatial = nn.ModuleList(ToyBlock(cross=True) for _ in range(depth))
        self.temporal = nn.ModuleList(ToyBlock(cross=False) for _ in range(depth))

    def forward(self, x: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        time = timestep.float()[:, None] / 1000
        for spatial, temporal in zip(self.spatial, self.temporal, strict=True):
            x = temporal(spatial(x, time), time)
        return x


class ToyArchitecture:
    groups = GROUPS

    def __init__(self, transformer: ToyTransformer) -> None:
        self.transformer = transformer

    @property
    def depth(self):
        return len(self.transformer.spatial)

    def blocks(self):
        return [Block(m, i, "spatial") for i, m in enumerate(self.transformer.spatial)] + [
            Block(m, i, "temporal") for i, m in enumerate(self.transformer.temporal)
        ]

    def timestep(self, args, kwargs):
        return int((kwargs["timestep"] if "timestep" in kwargs else args[1])[0])

    def block_forward(self, block, visit):
        module = block.module
        attention = SPATIAL if block.branch == "spatial" else TEMPORAL
        mlp = MLP_SPATIAL if block.branch == "spatial" else MLP_TEMPORAL

        def forward(x, time):
            gate = time.sin()
            x = visit(attention, block.index, lambda: module.attention(x + time), gate) + x
            if module.cross is not None:
                x = visit(CROSS, block.index, lambda: module.cross(x), None) + x
            return visit(mlp, block.index, lambda: module.mlp(x + time), gate) + x

        return forward


def shown(group, block, call, ungated, gate, gated, lane=0, begins=False):
    """What observers are shown of one site."""
    return SiteOutput(group, block, call, lane, ungated, gate, gated, begins)


def sample(transformer: ToyTransformer, timesteps, seed: int = 0) -> torch.Tensor:
    """A loop like a sampler's: every call's output enters the next one."""
    x = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for timestep in timesteps:
            x = x - 0.1 * transformer(x, torch.tensor([timestep, timestep]))
    return x


@torch.no_grad()
def sample_lanes(transformer: ToyTransformer, timesteps, *starts: torch.Tensor):
    """As `sample`, with a call of the transformer for each start at every step: one lane each.

    Lanes never meet, so that each ends as it does in a run of its own.
    """
    states = list(starts)
    for timestep in timesteps:
        time = torch.tensor([timestep, timestep])
        states = [x - 0.1 * transformer(x, time) for x in states]
    return states
