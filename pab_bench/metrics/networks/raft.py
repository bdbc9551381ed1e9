"""RAFT (Teed and Deng 2020): torchvision's network with the weights of the original program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pab_bench.imports.torchvision  # noqa: F401

from torchvision.models.optical_flow import raft_large  # isort: skip

from pab_bench.metrics.networks.names import renamed

if TYPE_CHECKING:
    from torch import nn

    from pab_bench.metrics.networks.loading import State

_NAMES = (
    (r"^module\.", ""),
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^update_block\.encoder\.", "update_block.motion_encoder."),
    (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
    (r"encoder\.conv1\.", "encoder.convnormrelu.0."),
    (r"encoder\.norm1\.", "encoder.convnormrelu.1."),
    (r"encoder\.conv2\.", "encoder.conv."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(layer\d\.\d)\.norm([12])\.", r"\1.convnormrelu\2.1."),
    (r"(layer\d\.\d)\.downsample\.", r"\1.downsample."),
    (r"motion_encoder\.convc(\d)\.", r"motion_encoder.convcorr\1.0."),
    (r"motion_encoder\.convf(\d)\.", r"motion_encoder.convflow\1.0."),
    (r"motion_encoder\.conv\.", "motion_encoder.conv.0."),
    (r"\.gru\.conv([zrq])([12])\.", r".recurrent_block.convgru\2.conv\1."),
)


def torchvision_state(state: State) -> State:
    """The original's tensors by torchvision's names.

    The original names the norm of a downsampled block twice, as `norm3` and `downsample.1`.
    """
    return renamed({k: v for k, v in state.items() if ".norm3." not in k}, _NAMES)


def raft(state: State) -> nn.Module:
    """The large network; there is one size only."""
    del state
    return raft_large(weights=None)
