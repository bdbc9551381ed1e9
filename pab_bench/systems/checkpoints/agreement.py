"""Whether files hold exactly the tensors of a network, and numbers in all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import torch
from safetensors import safe_open
from torch import nn

from pab_bench.systems.checkpoints.construct import CONFIG, Network, computed_buffers
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.tensor_files import StoredTensor

_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def check_agreement(
    part: Part, network: Network, made: nn.Module, stored: Mapping[str, StoredTensor]
) -> None:
    """Refuse files that lack a tensor of a network, or have one that is not its own.

    Args:
        part: where the files are.
        network: what they must hold.
        made: that network, with or without numbers.
        stored: the files' tensors.

    Raises:
        CheckpointRefused: naming file and tensor.
    """
    described = f" that {CONFIG} describes" if part.configured else ""
    own = made.state_dict()
    computed = computed_buffers(made)
    found = {today(name): tensor for name, tensor in stored.items()}
    for names in _shared(made, own):
        if not any(name in found for name in names):
            others = sum(name not in found for name in own) - len(names)
            more = f" (and {others} more)" if others > 0 else ""
            raise part.refused(
                _file(stored), f"tensor {names[0]} of the model{described} is missing{more}"
            )
    ignored = (
        *network.extra,
        *(getattr(network.kind, "_keys_to_ignore_on_load_unexpected", None) or ()),
    )
    for name, tensor in found.items():
        expected = own.get(name, computed.get(name))
        if expected is None:
            if not any(re.match(pattern, name) for pattern in ignored):
                kind = network.kind.__name__
                raise part.refused(tensor.file, f"tensor {name} is none of the {kind}'s{described}")
        elif tuple(expected.shape) != tensor.shape:
            shapes = f"has shape {list(tensor.shape)}, the model{described} {list(expected.shape)}"
            raise part.refused(tensor.file, f"tensor {name} {shapes}")
        elif expected.is_floating_point() and not tensor.is_floating:
            types = "F64, F32, F16 or BF16"
            raise part.refused(tensor.file, f"tensor {name} is of type {tensor.dtype}, not {types}")


def check_finite(part: Part, loaded: nn.Module, stored: Mapping[str, StoredTensor]) -> None:
    """Refuse a loaded network in which a number is not finite, or which has no numbers.

    Raises:
        CheckpointRefused: naming file and tensor.
    """
    files = {today(name): tensor.file for name, tensor in stored.items()}
    for name, tensor in (*loaded.named_parameters(), *loaded.named_buffers()):
        file = files.get(name, _file(stored))
        if tensor.is_meta:
            raise part.refused(file, f"tensor {name} was not loaded")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise part.refused(file, f"tensor {name} has NaN or infinity in {kind}")


def check_equal(part: Part, made: nn.Module, stored: Mapping[str, StoredTensor]) -> None:
    """Refuse files that hold a shared tensor more than once, with different numbers.

    Raises:
        CheckpointRefused: naming both.
    """
    for names in _shared(made, made.state_dict()):
        held = [name for name in names if name in stored]
        for first, other in pairwise(held):
            if not torch.equal(*(_read(part, stored, name) for name in (first, other))):
                raise part.refused(
                    stored[other].file, f"tensors {first} and {other} must be equal, and are not"
                )


def today(name: str) -> str:
    """The name that diffusers gives to what files from before 2023 call by another name."""
    parts = name.split(".")
    if "attentions" in parts:
        parts = [_OLD_ATTENTION.get(part, part) for part in parts]
    return ".".join(parts)


def _shared(made: nn.Module, own: Mapping[str, torch.Tensor]) -> Iterator[Sequence[str]]:
    """The names of every tensor: several where parts of the network share one."""
    tied = getattr(made, "_tied_weights_keys", None) or {}
    names: dict[str, list[str]] = {}
    for name in own:
        names.setdefault(tied.get(name, name), []).append(name)
    return iter(names.values())


def _read(part: Part, stored: Mapping[str, StoredTensor], name: str) -> torch.Tensor:
    path = part.folder / stored[name].file
    if path.suffix == ".bin":
        content: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return content[name]
    with safe_open(path, framework="pt") as opened:
        tensor: torch.Tensor = opened.get_tensor(name)
        return tensor


def _file(stored: Mapping[str, StoredTensor]) -> str | None:
    """The only file, or None if there are several."""
    files = {tensor.file for tensor in stored.values()}
    return files.pop() if len(files) == 1 else None
