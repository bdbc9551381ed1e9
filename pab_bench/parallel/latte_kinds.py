"""Latte of diffusers and Open-Sora-Plan's `LatteT2V`, split by frames or by a frame's tokens."""

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

_LISTS = {"spatial": "transformer_blocks", "temporal": "temporal_transformer_blocks"}
_POSITIONS = "temp_pos_embed"
_LATENTS, _PIXEL_MASK = (0, "hidden_states"), (3, "attention_mask")
"""Arguments of the transformers; only `LatteT2V` has the second."""
_TIMESTEP = (4, "timestep")
"""An argument of the blocks."""


class LatteLayout:
    """Frames are split before the embedding, which treats each by itself; tokens behind it."""

    classes: ClassVar[tuple[str, ...]] = ("LatteTransformer3DModel", "LatteT2V")
    splits: ClassVar[tuple[Split, ...]] = SPLITS

    def heads(self, transformer: Any) -> int:
        """Of every attention."""
        heads: int = transformer.config["num_attention_heads"]
        return heads

    def attentions(self, transformer: Any, split: Split) -> Sequence[nn.Module]:
        """Self-attention of the temporal or the spatial blocks."""
        blocks = transformer.get_submodule(_LISTS[crossing(split)])
        return [block.get_submodule("attn1") for block in blocks.children()]

    def exchange(self, size: Size, split: Split, ranks: int) -> Exchange:
        """With frames split, the tokens of all rows of the batch together, as upstream has it."""
        if split == "tokens":
            return exchange_of_tokens(size, ranks)
        return Exchange(1, size.batch * size.tokens, size.frames, ranks, True, ())

    def hooks(self, transformer: Any, share: Share) -> list[RemovableHandle]:
        """What the split takes, and what puts all together."""
        splitting = _Frames if share.split == "frames" else _Tokens
        return splitting(transformer, share).hooks()

    def size_of(self, transformer: Any, latents: Sequence[int], batch: int) -> Size:
        """A token is a patch of a frame."""
        patch: int = transformer.config["patch_size"]
        return Size(batch, latents[1], (latents[2] // patch) * (latents[3] // patch))

    def gathered_width(self, transformer: Any, gather: Gather) -> int:
        """The values of a patch, or the width of the transformer."""
        linear = transformer.get_submodule("proj_out")
        width: int = linear.out_features if gather == "output" else linear.in_features
        return width

    def output_channels(self, transformer: Any) -> int:
        """Of the noise, and of a variance that is not used."""
        channels: int = transformer.config["out_channels"]
        return channels

    def output_bytes(self, transformer: Any) -> int:
        """Of the transformer's dtype."""
        return int(next(transformer.parameters()).element_size())

    def positions(self, transformer: Any, split: Split) -> Sequence[nn.Module]:
        """None: positions are added before the first temporal block."""
        return []


class _Kind:
    """The hooks that both splits share."""

    def __init__(self, transformer: Any, share: Share) -> None:
        self.transformer, self.share = transformer, share

    def hooks(self) -> list[RemovableHandle]:
        transformer = self.transformer
        norm, last = transformer.get_submodule("norm_out"), transformer.get_submodule("proj_out")
        handles = [
            transformer.get_submodule("pos_embed").register_forward_hook(self.embedded),
            *self.of_split(),
        ]
        if self.share.gather == "output":
            handles.append(last.register_forward_hook(lambda m, args, out: self.together(out)))
        else:
            handles += self.of_hidden(norm, last)
        return handles

    def embedded(self, module: nn.Module, args: Any, out: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def of_split(self) -> list[RemovableHandle]:
        raise NotImplementedError

    def of_hidden(self, norm: nn.Module, last: nn.Module) -> list[RemovableHandle]:
        raise NotImplementedError

    def together(self, out: torch.Tensor) -> torch.Tensor:
        """(batch * frames, tokens, values), a share of one, to the same with all of both."""
        return self.share.together(out.unflatten(0, (self.share.size.batch, -1))).flatten(0, 1)


class _Frames(_Kind):
    """Latents are cut before the call; positions in time are those of the rank's own frames."""

    def __init__(self, transformer: Any, share: Share) -> None:
        super().__init__(transformer, share)
        self.frames = 0
        self.positions: torch.Tensor | None = None

    def of_split(self) -> list[RemovableHandle]:
        first = next(iter(self.transformer.get_submodule(_LISTS["temporal"]).children()))
        return [
            self.transformer.register_forward_pre_hook(self.enter, with_kwargs=True),
            self.transformer.register_forward_hook(self.leave, always_call=True),
            first.register_forward_pre_hook(self.at_time),
        ]

    def enter(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        del module
        latents = argument(args, kwargs, *_LATENTS)
        self.frames = latents.shape[2]
        self.leave()  # After a call that was broken off.
        own = own_share(latents, 2, self.share.group)
        args, kwargs = replaced(args, kwargs, *_LATENTS, own)
        if isinstance(mask := kwargs.get(_PIXEL_MASK[1]), torch.Tensor):
            kwargs = {**kwargs, _PIXEL_MASK[1]: own_share(mask, 1, self.share.group, 1)}
        self.positions = self.transformer.get_buffer(_POSITIONS)
        if self.positions.shape[1] == self.frames:
            setattr(self.transformer, _POSITIONS, own_share(self.positions, 1, self.share.group))
        return args, kwargs

    def leave(self, *_: Any) -> None:
        """Give the transformer its positions back, also where a call failed."""
        if self.positions is not None:
            setattr(self.transformer, _POSITIONS, self.positions)
            self.positions = None

    def embedded(self, module: nn.Module, args: Any, out: torch.Tensor) -> torch.Tensor:
        # Of a guidance batch only a half may be computed: the batch is what arrives here.
        own = -(-self.frames // self.share.ranks)
        self.share.size = Size(len(out) // own, self.frames, out.shape[1])
        return out

    def at_time(self, module: nn.Module, args: Any) -> Any:
        """Add the positions where diffusers' Latte takes a share of one frame for an image."""
        del module
        image = type(self.transformer).__name__ == "LatteTransformer3DModel"
        if not image or self.share.length > 1 or self.frames == 1:
            return None
        return (args[0] + self.transformer.get_buffer(_POSITIONS).to(args[0].dtype), *args[1:])

    def of_hidden(self, norm: nn.Module, last: nn.Module) -> list[RemovableHandle]:
        """All frames pass the final layer side by side with this rank's: it treats all alike."""

        def gather(module: nn.Module, args: Any) -> Any:
            del module
            size, own = self.share.size, self.share.length
            whole = self.share.together(args[0].unflatten(0, (size.batch, own)))
            padding = own * self.share.ranks - size.frames
            whole = torch.nn.functional.pad(whole, (0, 0, 0, 0, 0, padding))
            # (batch, ranks, own, tokens, width) -> (batch * own, ranks * tokens, width)
            beside = whole.unflatten(1, (self.share.ranks, own)).transpose(1, 2)
            return (beside.flatten(2, 3).flatten(0, 1), *args[1:])

        def in_order(module: nn.Module, args: Any, out: torch.Tensor) -> torch.Tensor:
            del module, args
            size, own = self.share.size, self.share.length
            beside = out.unflatten(0, (size.batch, own)).unflatten(2, (self.share.ranks, -1))
            return beside.transpose(1, 2).flatten(1, 2)[:, : size.frames].flatten(0, 1)

        return [norm.register_forward_pre_hook(gather), last.register_forward_hook(in_order)]


class _Tokens(_Kind):
    """Embedded tokens are cut; a temporal block gets as many modulations as it has rows."""

    def __init__(self, transformer: Any, share: Share) -> None:
        super().__init__(transformer, share)
        self.frames = 0

    def of_split(self) -> list[RemovableHandle]:
        temporal = self.transformer.get_submodule(_LISTS["temporal"]).children()
        return [
            self.transformer.register_forward_pre_hook(self.enter, with_kwargs=True),
            *(b.register_forward_pre_hook(self.modulated, with_kwargs=True) for b in temporal),
        ]

    def enter(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        del module
        self.frames = argument(args, kwargs, *_LATENTS).shape[2]

    def embedded(self, module: nn.Module, args: Any, out: torch.Tensor) -> torch.Tensor:
        self.share.size = Size(len(out) // self.frames, self.frames, out.shape[1])
        return own_share(out, 1, self.share.group)

    def modulated(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        del module
        # They are the same for all tokens of a row of the batch.
        modulation = argument(args, kwargs, *_TIMESTEP).unflatten(0, (self.share.size.batch, -1))
        own = modulation[:, :1].expand(-1, self.share.length, -1).flatten(0, 1)
        return replaced(args, kwargs, *_TIMESTEP, own)

    def of_hidden(self, norm: nn.Module, last: nn.Module) -> list[RemovableHandle]:
        """The final layer treats tokens alike, and what follows knows how many there are."""
        del last
        return [norm.register_forward_pre_hook(lambda m, a: (self.together(a[0]), *a[1:]))]
