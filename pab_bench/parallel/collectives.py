"""The collectives of sequence parallelism: PyTorch's functional ones, waited for at once.

Whatever the backend is, they are seen by the recorder's dispatch mode.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch.distributed import _functional_collectives  # noqa: F401  # It declares the operators.

Group = dist.ProcessGroup
_OPERATORS = torch.ops._c10d_functional


def all_to_all(messages: torch.Tensor, group: Group) -> torch.Tensor:
    """Send message i to rank i of the group, and receive one from each.

    Args:
        messages: (ranks, *message).
        group: the ranks.

    Returns:
        (ranks, *message): what each rank has sent to this one.
    """
    each = [1] * group.size()
    sent = _OPERATORS.all_to_all_single(messages.contiguous(), each, each, group.group_name)
    return _waited(sent)


def all_gather(message: torch.Tensor, group: Group) -> torch.Tensor:
    """Gather a message of every rank of the group: (ranks, *message)."""
    flat = _OPERATORS.all_gather_into_tensor(message.contiguous(), group.size(), group.group_name)
    return _waited(flat).unflatten(0, (group.size(), -1))


def own_share(x: torch.Tensor, dim: int, group: Group, fill: float = 0) -> torch.Tensor:
    """Cut out what this rank holds of a dimension: consecutive, equally long, padded at the end.

    Args:
        x: a tensor that every rank has whole.
        dim: what is split.
        group: the ranks.
        fill: the value of padding.
    """
    length = share_of(x.shape[dim], group.size())
    return padded(x, dim, length * group.size(), fill).narrow(dim, group.rank() * length, length)


def share_of(length: int, ranks: int) -> int:
    """How many entries a rank holds of a dimension of some length: rounded up."""
    return -(-length // ranks)


def padded(x: torch.Tensor, dim: int, length: int, fill: float = 0) -> torch.Tensor:
    """Lengthen a dimension to `length` with a value at the end."""
    if x.shape[dim] == length:
        return x
    shape = list(x.shape)
    shape[dim] = length - x.shape[dim]
    return torch.cat((x, x.new_full(shape, fill)), dim=dim)


def _waited(tensor: torch.Tensor) -> torch.Tensor:
    done: torch.Tensor = _OPERATORS.wait_tensor(tensor)
    return done
