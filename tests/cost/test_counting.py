from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from pab_bench.cost.counting import UnknownWork, WorkCounter, work_of
from pab_bench.cost.work import Work, total


def on(device, *shape):
    return torch.empty(shape, device=device)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_linear_layers_and_convolutions(device):
    with torch.device(device):
        linear, conv = nn.Linear(8, 5), nn.Conv2d(3, 7, 3, padding=1)

    def run():
        linear(on(device, 2, 4, 8))
        linear(on(device, 4, 2, 8).transpose(0, 1))  # Not contiguous.
        conv(on(device, 1, 3, 6, 6))

    assert work_of(run) == Work(linear=2 * (2 * 4 * 8 * 5) + 7 * 3 * 9 * 36)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_attention_fused_or_by_hand(device):
    query, key, value = on(device, 2, 3, 5, 8), on(device, 2, 3, 7, 8), on(device, 2, 3, 7, 8)
    expected = Work(attention=2 * 3 * 5 * 7 * (8 + 8))
    assert work_of(lambda: F.scaled_dot_product_attention(query, key, value)) == expected
    assert work_of(lambda: (query @ key.mT).softmax(-1) @ value) == expected
    assert work_of(lambda: torch.matmul(query.matmul(key.mT), value)) == expected


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_grouped_attention_counts_every_query(device):
    query, key, value = on(device, 2, 6, 5, 8), on(device, 2, 3, 7, 8), on(device, 2, 3, 7, 8)
    grouped = work_of(lambda: F.scaled_dot_product_attention(query, key, value, enable_gqa=True))
    assert grouped == Work(attention=2 * 6 * 5 * 7 * (8 + 8))


def test_what_einsum_is_for():
    heads = on("meta", 2, 3, 5, 8)
    scores = work_of(lambda: torch.einsum("bhid,bhjd->bhij", heads, heads))
    assert scores == Work(attention=2 * 3 * 5 * 5 * 8)
    positions, frequencies = on("meta", 7, 3), on("meta", 3, 2, 4)
    assert work_of(lambda: torch.einsum("nd,dhf->nhf", positions, frequencies)) == Work(
        linear=7 * 3 * 2 * 4
    )
    weight = nn.Parameter(on("meta", 3, 8, 4))
    projected = work_of(lambda: torch.einsum("bhid,hde->bhie", heads, weight))
    assert projected == Work(linear=2 * 3 * 5 * 8 * 4)


def test_norms_and_activations_are_free():
    x = on("meta", 2, 4, 8)
    assert work_of(lambda: F.gelu(F.layer_norm(x, (8,)) * 2 + x).softmax(-1)) == Work()


def test_arithmetic_of_unknown_purpose_is_refused():
    with pytest.raises(UnknownWork, match="mm"):
        work_of(lambda: torch.mm(on("meta", 2, 3), on("meta", 3, 4)))
    with pytest.raises(UnknownWork, match="addmm"):
        work_of(lambda: torch.addmm(on("meta", 4), on("meta", 2, 3), on("meta", 3, 4)))


def test_an_error_inside_is_not_replaced():
    with pytest.raises(RuntimeError, match="inside"), WorkCounter():
        raise RuntimeError("inside")


def test_work_is_added_subtracted_and_repeated():
    assert total([Work(1, 2), Work(3, 4)]) == Work(4, 6)
    assert Work(3, 4) - Work(1, 1) == Work(2, 3)
    assert Work(3, 4) * 2 == Work(6, 8)
