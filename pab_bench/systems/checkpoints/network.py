"""A network of a checkpoint: checked without its numbers, then loaded with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from pab_bench.errors import PabBenchError
from pab_bench.systems.checkpoints.agreement import (
    check_agreement,
    check_equal,
    check_finite,
    today,
)
from pab_bench.systems.checkpoints.construct import Network, construct
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.tensor_files import StoredTensor, stored_tensors


@dataclass(frozen=True)
class CheckedNetwork:
    """A network whose files fit, not loaded yet.

    Attributes:
        part: where it lies.
        network: what it is.
        empty: it, on the `meta` device.
        stored: the tensors of its files.
    """

    part: Part
    network: Network
    empty: nn.Module
    stored: dict[str, StoredTensor]

    def load(self, dtype: torch.dtype) -> Any:
        """The network with its numbers, in inference mode.

        Raises:
            CheckpointRefused: if a tensor was not loaded or is not finite.
        """
        check_equal(self.part, self.empty, self.stored)
        try:
            loaded = self._load(dtype)
        except (PabBenchError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # Libraries raise errors of a dozen kinds.
            reason = f"cannot be loaded: {type(error).__name__}: {error}"
            raise self.part.refused(None, reason) from error
        check_finite(self.part, loaded, self.stored)
        return loaded.eval()

    def _load(self, dtype: torch.dtype) -> nn.Module:
        if self.part.layout == "any":
            tensors: dict[str, torch.Tensor] = {}
            for file in {tensor.file for tensor in self.stored.values()}:
                tensors |= load_file(self.part.folder / file)
            own = {today(name): value for name, value in tensors.items()}
            self.empty.load_state_dict(own, strict=True, assign=True)
            return nn.Module.to(self.empty, dtype)
        loaded: nn.Module
        loaded, report = self.network.kind.from_pretrained(
            self.part.folder, dtype=dtype, local_files_only=True, output_loading_info=True
        )
        for what in ("missing", "mismatched"):
            names = sorted(map(str, report[f"{what}_keys"]))
            if names:
                raise self.part.refused(None, f"tensor {names[0]} was not loaded: {what}")
        return loaded


def check_network(part: Part, network: Network) -> CheckedNetwork:
    """Compare a part's files with the network that its configuration describes.

    Raises:
        CheckpointRefused: naming part, file, and key or tensor.
    """
    empty = construct(part, network)
    stored = stored_tensors(part)
    check_agreement(part, network, empty, stored)
    return CheckedNetwork(part, network, empty, stored)
