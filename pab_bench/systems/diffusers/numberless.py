"""Networks without numbers inside of a pipeline that has them: shapes are real, values are zero."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from pab_bench.systems.diffusers.blank import shape_of, zeros_of

_LARGEST = 2**24
"""Elements of a tensor whose numbers are kept: masks and latents are smaller, masks of all pairs of
tokens are not."""
_SMALL = 2**16
"""Elements of a parameter that may have numbers, too."""


class Numberless(TorchDispatchMode):
    """A context in which tensors on the `meta` device and on the CPU may meet.

    What comes of both has no numbers. What comes of CPU tensors alone has them, if it is not too
    large, so that a mask may say how many tokens are attended to.
    """

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation, without numbers if one of its tensors has none."""
        given = dict(kwargs or {})
        tensors = list(_tensors((*args, *given.values())))
        bare = any(own.is_meta for own in tensors)
        if not bare and not _is_too_large(func, args, tensors):
            if func is torch.ops.aten._to_copy.default:  # Elsewhere they would be lost.
                given.pop("device", None)
            return func(*args, **given)
        if given.get("device") is not None or func is torch.ops.aten._to_copy.default:
            given["device"] = torch.device("meta")
        if not all(own.is_meta for own in tensors):
            args = tuple(map(_without_numbers, _indexed(func, args)))
            given = {name: _without_numbers(own) for name, own in given.items()}
        return func(*args, **given)


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)


def _without_numbers(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    return [_without_numbers(own) for own in value] if isinstance(value, tuple | list) else value


def _indexed(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments in which masks that tokens are chosen by are the tokens' numbers."""
    if func not in (torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default):
        return args
    indices: list[Any] = []
    for own in args[1]:
        if own is not None and own.dtype == torch.bool and not own.is_meta:
            indices += own.nonzero(as_tuple=True)
        else:
            indices.append(own)
    return args[0], indices, *args[2:]


def _is_too_large(func: Any, args: tuple[Any, ...], tensors: list[torch.Tensor]) -> bool:
    if func is torch.ops.aten.repeat.default:
        return math.prod(args[1]) * tensors[0].numel() > _LARGEST
    try:
        shape = torch.broadcast_shapes(*(own.shape for own in tensors))
    except RuntimeError:  # They are not combined element by element.
        return any(own.numel() > _LARGEST for own in tensors)
    return math.prod(shape) > _LARGEST


def without_numbers(network: nn.Module) -> nn.Module:
    """Let a network on the `meta` device be called with tensors on the CPU, and give zeros there.

    Args:
        network: in place of whose `forward` another one is put.
    """
    own: Callable[..., Any] = network.forward

    _fill_tables(network)

    @functools.wraps(own)
    def forward(*args: Any, **kwargs: Any) -> Any:
        with Numberless(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Whoever samples sees them.
            output = own(*args, **kwargs)
        return zeros_of(shape_of(output), torch.device("cpu"))

    network.forward = forward  # type: ignore[method-assign]
    return network


def _fill_tables(network: nn.Module) -> None:
    """Give small parameters that a network uses itself the CPU's zeros.

    Mochi asks a table of frequencies for its device, and computes there.
    """
    for module in network.modules():
        if type(module).__module__.startswith("torch."):
            continue
        for name, own in module.named_parameters(recurse=False):
            if own.numel() <= _SMALL:
                setattr(module, name, nn.Parameter(torch.zeros_like(own, device="cpu"), False))
