"""Open-Sora's `STDiT3Transformer`, split by frames (as in the paper) or by a frame's tokens.

Upstream went from the one to the other in November 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.names import SPLITS, Gather, Split
from pab_bench.parallel.collectives import own_share
from pab_bench.parallel.layout import Share, argument, crossing, replaced
from pab_bench.parallel.size import Exchange, Size, exchange_of_tokens

_X, _FRAMES = (0, "x"), (4, "frames")
"""Arguments of a block."""


class STDiT3Layout:
    """Every rank embeds the whole input; the residual stream is split behind that."""

    classes: ClassVar[tuple[str, ...]] = ("STDiT3Transformer",)
    splits: ClassVar[tuple[Split, ...]] = SPLITS

    def heads(self, transformer: Any) -> int:
        """Of every attention."""
        heads: int = transformer.config["num_heads"]
        return heads

    def attentions(self, transformer: Any, split: Split) -> Sequence[nn.Module]:
        """Self-attention of the temporal or the spatial blocks."""
        return [block.get_submodule("attn") for block in _blocks(transformer, crossing(split))]

    def exchange(self, size: Size, split: Split, ranks: int) -> Exchange:
        """Each row of the batch by itself."""
        if split == "frames":
            return Exchange(size.batch, size.tokens, size.frames, ranks, False, (size.batch,))
        return exchange_of_tokens(size, ranks)

    def hooks(self, transformer: Any, share: Share) -> list[RemovableHandle]:
        """Split before the first block; before or behind the final layer all is put together."""
        blocks = [*_blocks(transformer, "spatial"), *_blocks(transformer, "temporal")]
        final = transformer.get_submodule("final_layer")

        def enter(module: nn.Module, args: Any, kwargs: Any) -> Any:
            del module
            x, frames = argument(args, kwargs, *_X), argument(args, kwargs, *_FRAMES)
            share.size = Size(len(x), frames, x.shape[1] // frames)
            grid = x.unflatten(1, (frames, -1))
            own = own_share(grid, 1 if share.split == "frames" else 2, share.group)
            return replaced(args, kwargs, *_X, own.flatten(1, 2))

        def fewer_frames(module: nn.Module, args: Any, kwargs: Any) -> Any:
            del module
            return replaced(args, kwargs, *_FRAMES, share.length)

        def all_tokens(x: torch.Tensor) -> torch.Tensor:
            frames = share.length if share.split == "frames" else share.size.frames
            return share.together(x.unflatten(1, (frames, -1))).flatten(1, 2)

        handles = [blocks[0].register_forward_pre_hook(enter, with_kwargs=True)]
        if share.split == "frames":
            handles += [
                block.register_forward_pre_hook(fewer_frames, with_kwargs=True) for block in blocks
            ]
        if share.gather == "output":
            handles.append(final.register_forward_hook(lambda m, args, out: all_tokens(out)))
        else:
            handles.append(
                final.register_forward_pre_hook(lambda m, args: (all_tokens(args[0]), *args[1:]))
            )
        return handles

    def size_of(self, transformer: Any, latents: Sequence[int], batch: int) -> Size:
        """Sides that the patch does not divide are padded by the transformer."""
        patch: Sequence[int] = transformer.patch
        frames, height, width = (
            -(-length // side) for length, side in zip(latents[1:], patch, strict=True)
        )
        return Size(batch, frames, height * width)

    def gathered_width(self, transformer: Any, gather: Gather) -> int:
        """The values of a patch, or the width of the transformer."""
        linear = transformer.get_submodule("final_layer").linear
        width: int = linear.out_features if gather == "output" else linear.in_features
        return width

    def output_channels(self, transformer: Any) -> int:
        """Of the velocity, and as many that are not used."""
        channels: int = transformer.out_channels
        return channels

    def output_bytes(self, transformer: Any) -> int:
        """It is float32 whatever the transformer's dtype is."""
        del transformer
        return 4

    def positions(self, transformer: Any, split: Split) -> Sequence[nn.Module]:
        """The rotary embedding of temporal attention."""
        return [transformer.get_submodule("rope")] if split == "frames" else []


def _blocks(transformer: Any, branch: str) -> list[nn.Module]:
    return list(transformer.get_submodule(f"{branch}_blocks").children())
