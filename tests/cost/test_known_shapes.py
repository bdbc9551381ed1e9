"""Shapes that are looked up are those that would have been worked out."""

import pytest
import torch
from torch import nn

from pab_bench.cost.known_shapes import KnownShapes


def described(tensor):
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def operations(x):
    """Views, several results at once, in place, and a result in memory of another order."""
    normed = nn.functional.layer_norm(x, x.shape[-1:])
    heads = [t[:, None] for t in (x, normed, x.clone())]
    return [
        x.transpose(1, 2) * 2,
        normed,
        *x.transpose(1, 2).max(dim=-1),
        (x + 1).add_(normed),
        nn.functional.scaled_dot_product_attention(*heads),
        *x.chunk(2, dim=-1),
        torch.cat([x, normed], dim=1),
        x.sum((0, 2)),
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_results_are_those_without_it(dtype):
    one, other = (torch.empty(2, n, 4, dtype=dtype, device="meta") for n in (3, 5))
    plain = [list(map(described, operations(x))) for x in (one, other)]
    with torch.no_grad(), KnownShapes():
        for _ in range(2):
            assert [list(map(described, operations(x))) for x in (one, other)] == plain


@pytest.mark.parametrize("number", [1, 1.0, True])
def test_equal_numbers_of_other_types_are_told_apart(number):
    x = torch.empty(3, dtype=torch.int64, device="meta")
    with KnownShapes():
        for value in (True, 1, 1.0, number):
            assert (x * value).dtype == (torch.float32 if isinstance(value, float) else torch.int64)


def test_what_has_numbers_is_computed():
    with KnownShapes():
        assert (torch.arange(3) * 2).tolist() == [0, 2, 4]
        assert (torch.arange(3) * 2 + 1).tolist() == [1, 3, 5]


def test_what_is_written_in_place_stays_the_same_tensor():
    x = torch.empty(3, device="meta")
    with KnownShapes():
        assert x.add_(1) is x
        assert x.view(3, 1)._base is x


def test_an_error_is_an_error_every_time():
    with KnownShapes():
        for _ in range(2):
            with pytest.raises(RuntimeError):
                torch.empty(3, device="meta") + torch.empty(2, device="meta")
