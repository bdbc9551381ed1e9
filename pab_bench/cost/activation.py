"""The hidden states of a model without weights, as the ranks that share a video split them."""

from __future__ import annotations

from typing import Any

from pab_bench.parallel.volumes import Activation
from pab_bench.systems.blueprint import Blueprint, SizedBlueprint
from pab_bench.systems.latte.ada_norm_single import AdaNormSingleArchitecture
from pab_bench.systems.open_sora.architecture import STDiT3Architecture

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_GUIDED = 2


def activation_of(blueprint: Blueprint, dtype: str, guidance: float) -> Activation | None:
    """The hidden states of one call of the transformer.

    Args:
        blueprint: of the model.
        dtype: that it computes in.
        guidance: the scale.

    Returns:
        None of models whose blocks do not attend to a frame and across frames in turns: there is no
        dimension then that only one kind of attention crosses.
    """
    kinds = STDiT3Architecture, AdaNormSingleArchitecture
    architecture = blueprint.architecture
    if not isinstance(architecture, kinds) or not isinstance(blueprint, SizedBlueprint):
        return None
    transformer: Any = architecture.transformer
    config = transformer.config
    rows = _GUIDED if blueprint.guided(guidance) else 1
    frames, height, width = blueprint.inputs(rows, 1)["hidden_states"].shape[2:]
    if isinstance(architecture, STDiT3Architecture):
        patch, heads, channels = config.patch_size, config.num_heads, config.hidden_size
        output = transformer.out_channels
    else:
        patch = (1, config.patch_size, config.patch_size)
        heads = config.num_attention_heads
        channels, output = heads * config.attention_head_dim, config.out_channels
    lengths = [-(-n // size) for n, size in zip((frames, height, width), patch, strict=True)]
    return Activation(
        rows=rows,
        frames=lengths[0],
        tokens=lengths[1] * lengths[2],
        width=channels,
        bytes_per_number=_BYTES[dtype],
        heads=heads,
        output=output * patch[0] * patch[1] * patch[2],
        rows_together=isinstance(architecture, AdaNormSingleArchitecture),
    )
