"""What is kept for later calls: tensors by address, in which dtype, where, in how many bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Generic, TypeVar

import torch

from pab_bench.engine.cache_options import CacheOptions

Address = TypeVar("Address")
_SMALLEST = 1e-20
"""A tensor whose values are all below is kept as zeros."""


class Cache(Generic[Address]):
    """Kept tensors by address; several belong to one where a module attends several times.

    Attributes:
        bytes: what is held now, as allocated storage.
        peak_bytes: the most that was held at once since the cache was made.
    """

    def __init__(self, options: CacheOptions | None = None) -> None:
        self.options = options or CacheOptions()
        self.bytes = self.peak_bytes = 0
        self._kept: dict[Address, tuple[_Kept, ...]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, address: Address) -> bool:
        return address in self._kept

    def put(self, address: Address, tensors: Sequence[torch.Tensor]) -> None:
        """Keep `tensors` under an address, in place of what may be there."""
        kept = tuple(_Kept(tensor, self.options) for tensor in _alone(tensors))
        if address in self._kept:
            self.bytes -= _bytes(self._kept[address])
        self._kept[address] = kept
        self.bytes += _bytes(kept)
        self.peak_bytes = max(self.peak_bytes, self.bytes)

    def get(self, address: Address, last: bool) -> list[torch.Tensor]:
        """What was kept, as it was given; with `last` it is forgotten."""
        kept = self._kept[address]
        if last:
            del self._kept[address]
            self.bytes -= _bytes(kept)
        return [entry.restored() for entry in kept]

    def forget(self, address: Address) -> None:
        """Let go what was kept under an address, if anything was."""
        if address in self._kept:
            self.bytes -= _bytes(self._kept.pop(address))

    def sizes(self) -> dict[Address, list[tuple[int, str]]]:
        """Per address the number of elements of what was given, and the name of its dtype."""
        return {address: [entry.given for entry in kept] for address, kept in self._kept.items()}

    def clear(self) -> None:
        """Forget everything but the peak."""
        self._kept.clear()
        self.bytes = 0


def _alone(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The tensors, copied where they are parts of one that would be held as a whole for them."""
    used: Counter[int] = Counter()
    for tensor in tensors:
        used[tensor.untyped_storage()._cdata] += tensor.nbytes
    return [
        tensor.clone() if used[whole._cdata] < whole.nbytes() else tensor
        for tensor, whole in ((own, own.untyped_storage()) for own in tensors)
    ]


def _bytes(kept: Sequence[_Kept]) -> int:
    """Of all storages, each once: text and video of joint attention may be parts of one tensor."""
    return sum({key: size for entry in kept for key, size in entry.storages.items()}.values())


class _Kept:
    """One tensor in the dtype and place where it is kept."""

    def __init__(self, tensor: torch.Tensor, options: CacheOptions) -> None:
        self._dtype, self._device = tensor.dtype, tensor.device
        self.given = tensor.numel(), str(tensor.dtype).removeprefix("torch.")
        self._scale: torch.Tensor | None = None
        if options.dtype is not None and (dtype := getattr(torch, options.dtype)) != tensor.dtype:
            if dtype == torch.float8_e4m3fn:
                largest = tensor.abs().amax().float().clamp_min(_SMALLEST)
                self._scale = largest / torch.finfo(dtype).max
                tensor = tensor / self._scale
            tensor = tensor.to(dtype)
        if options.device is not None and tensor.device.type != options.device:
            tensor = _to_host(tensor)
        self._tensor = tensor
        # The storage: a view might hold more than its elements.
        parts = [tensor] if self._scale is None else [tensor, self._scale]
        self.storages = {s._cdata: s.nbytes() for s in (own.untyped_storage() for own in parts)}

    def restored(self) -> torch.Tensor:
        tensor = self._tensor.to(self._device, non_blocking=True)
        if self._scale is not None:
            return (tensor.to(self._scale.dtype) * self._scale).to(self._dtype)
        return tensor.to(self._dtype)


def _to_host(tensor: torch.Tensor) -> torch.Tensor:
    """Copy to pinned memory without waiting: what reads it later is queued behind the copy."""
    host = torch.empty_like(tensor, device="cpu", pin_memory=tensor.is_cuda)
    return host.copy_(tensor, non_blocking=tensor.is_cuda)
