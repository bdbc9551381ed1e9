"""Reads files of weights and puts them into networks, or says which file does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pab_bench.errors import MetricUnavailable

if TYPE_CHECKING:
    import torch

    State = Mapping[str, torch.Tensor]

Network = TypeVar("Network", bound="torch.nn.Module")


def read_state(path: Path, key: str | None = None) -> State:
    """The tensors of a file that `torch.save` wrote; no code in it is run.

    Args:
        path: the file.
        key: under which they lie, for a file that holds more.

    Raises:
        MetricUnavailable: if the file is something else.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state: State = content if key is None else content[key]
        if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
            raise ValueError("expected tensors by name")
        return state
    except Exception as error:  # Damaged archives raise errors of half a dozen kinds.
        raise MetricUnavailable(f"{path}: no usable weights: {_first_line(error)}") from error


def read_torchscript_state(path: Path) -> State:
    """The tensors of a TorchScript file, as OpenAI publishes CLIP.

    Raises:
        MetricUnavailable: if the file is something else.
    """
    import torch

    try:
        state: State = torch.jit.load(path, map_location="cpu").state_dict()
    except Exception as error:
        raise MetricUnavailable(f"{path}: no TorchScript file: {_first_line(error)}") from error
    return state


def build(
    make: Callable[[State], Network],
    state: State,
    path: Path | str,
    device: str,
    translate: Callable[[State], State] | None = None,
) -> Network:
    """A network in the shape of its weights, with them, ready to be used.

    Args:
        make: from the tensors to a network of their shapes.
        state: all tensors of the network, and no others.
        path: where they come from, for the message.
        device: where the network goes.
        translate: from the published names to the network's; None = they are the same.

    Raises:
        MetricUnavailable: if names or shapes are others than the network's.
    """
    import torch

    try:
        state = translate(state) if translate else state
        # On the meta device nothing is drawn at random, and nothing thrown away.
        with torch.device("meta"):
            network = make(state)
        kept = {name: t.float() if t.is_floating_point() else t for name, t in state.items()}
        network.load_state_dict(kept, strict=True, assign=True)
        for name, tensor in kept.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise ValueError(f"{name} has NaN or infinity")
    except Exception as error:  # Other networks' tensors make errors of half a dozen kinds.
        raise MetricUnavailable(
            f"{path}: these are not the weights of {make.__name__}: {_first_line(error)}"
        ) from error
    return network.to(device).eval().requires_grad_(False)


def part(state: State, prefix: str) -> State:
    """The tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def count(state: State, prefix: str) -> int:
    """How many numbered parts there are below `prefix`.

    >>> count({"blocks.0.a": 0, "blocks.1.a": 0, "blocks.1.b": 0, "norm": 0}, "blocks.")
    2
    """
    return len({name.split(".")[0] for name in part(state, prefix)})


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) or type(error).__name__
