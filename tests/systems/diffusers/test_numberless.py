"""Tensors with and without numbers in one computation."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from pab_bench.systems.diffusers.numberless import Numberless, without_numbers

BARE = torch.empty(2, 5, 4, device="meta")


def test_a_mask_says_how_many_there_are():
    mask = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]).bool()
    with Numberless():
        chosen = BARE[mask]
        more = BARE[:, mask[1].nonzero().flatten()] + mask.any(0)[None, :3, None]
    assert chosen.shape == (5, 4)
    assert more.shape == (2, 3, 4)
    assert chosen.is_meta
    assert more.is_meta


def test_numbers_are_not_lost_on_the_way_to_a_bare_tensor():
    with Numberless():
        there = torch.tensor([3, 4]).to(BARE.device)
        assert int(there.sum()) == 7
        assert (there * BARE[0, :2, 0]).is_meta
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(5, 4) * BARE


def test_large_tensors_have_none():
    row = torch.ones(1, 5000, dtype=torch.bool)
    with Numberless():
        pairs = row & row.mT
        repeated = row.repeat(5000, 1)
        small = row[:, :10] & row[:, :10].mT
    assert pairs.shape == repeated.shape == (5000, 5000)
    assert pairs.is_meta
    assert repeated.is_meta
    assert not small.is_meta


class _Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(4, 6)
        self.table = nn.Parameter(torch.ones(6))

    def forward(self, x, rows):
        y = F.scaled_dot_product_attention(self.project(x), self.project(x), self.project(x))
        return {"y": y + self.table, "rows": y[:, rows]}


def test_a_network_takes_and_gives_tensors_of_the_cpu():
    with torch.device("meta"):
        network = without_numbers(_Network().eval())
    out = network(torch.ones(2, 5, 4), torch.tensor([True, False, True, False, False]))
    assert out["y"].shape == (2, 5, 6)
    assert out["rows"].shape == (2, 2, 6)
    assert not any(own.is_meta or own.any() for own in out.values())
    assert not network.table.is_meta
    assert network.project.weight.is_meta
