"""Where in the picture each site's output changes, at a few stages of sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from pab_bench.engine.kinds import Branch, Group
from pab_bench.engine.observation import Place, SiteOutput

STAGES = (0.0, 0.15, 0.5, 0.85, 1.0)
"""Which steps are kept, as shares of the way from the first difference to the last step."""

Grid = tuple[int, int, int]
"""Tokens of a video: frames, height, width."""


class AttentionMaps:
    """An observer for `Engine` that keeps maps of |o_s - o_{s-1}| over the video's tokens.

    The outputs are those before the gate; the absolute difference is averaged over channels and
    over the guidance batch; where its halves are computed in calls of their own, each is compared
    with itself, and the maps are averaged over these lanes. Only the first, the middle and the last
    block are observed, and only at the steps of `STAGES`; at all other steps nothing is copied.

    Source: PAB, arXiv 2408.12588, Figure 4a.

    Args:
        depth: number of transformer block pairs.
        calls: calls of the transformer, step 0 included; two at least.
        grid: the video's tokens; see `token_grid`.

    Attributes:
        blocks: the observed blocks.
        steps: the observed steps, from 1 on: a step is compared with the one before it.
    """

    def __init__(self, depth: int, calls: int, grid: Grid) -> None:
        self.blocks = tuple(sorted({0, depth // 2, depth - 1}))
        self.steps = tuple(sorted({max(1, round(share * (calls - 1))) for share in STAGES}))
        self._grid = grid
        self._before = {step - 1 for step in self.steps}
        self._previous: dict[Place, torch.Tensor] = {}
        self._maps: dict[Group, dict[int, dict[tuple[int, int], torch.Tensor]]] = {}

    def start_video(self) -> None:
        """Forget the last video."""
        self._previous.clear()
        self._maps.clear()

    def observe(self, output: SiteOutput) -> None:
        """Keep a site's change where its block and step are wanted.

        Raises:
            ValueError: if its tokens are not those of the grid.
        """
        if output.block not in self.blocks:
            return
        group, call = output.group, output.call
        before = self._previous.pop(output.place, None)
        if call in self.steps and before is not None and not output.begins:
            change = (output.ungated.float() - before.float()).abs().mean(-1)
            maps = self._maps.setdefault(group, {}).setdefault(output.lane, {})
            maps[output.block, call] = arranged(change, group.branch, self._grid)
        if call in self._before:
            self._previous[output.place] = output.ungated.detach().clone()

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """What `attention_maps.safetensors` holds of one video, see `pab_bench.store.records`.

        The lanes are averaged, as the guidance batch is where one call computes all of it. NaN
        where the step before was of another transformer.
        """
        found: dict[str, npt.NDArray[Any]] = {
            "steps": np.array(self.steps, dtype=np.int64),
            "blocks": np.array(self.blocks, dtype=np.int64),
        }
        places = [(block, step) for block in self.blocks for step in self.steps]
        for group, lanes in self._maps.items():
            missing = torch.full_like(next(iter(lanes[0].values())), torch.nan)
            # Together, since every transfer from a GPU waits for it.
            stacked = torch.stack(
                [torch.stack([maps.get(p, missing) for p in places]) for maps in lanes.values()]
            )
            shape = (len(self.blocks), len(self.steps), *self._grid)
            found[group.name] = stacked.mean(0).reshape(shape).cpu().numpy()
        return found


def arranged(values: torch.Tensor, branch: Branch, grid: Grid) -> torch.Tensor:
    """Values of tokens in their places in the video, averaged over the guidance batch.

    Transformers hold tokens in one of three ways: a row per frame (spatial blocks of Latte and
    Open-Sora-Plan), a row per place (their temporal blocks), or a row per video, frame by frame
    (Open-Sora; CogVideoX with the text before the video, which is left out).

    Args:
        values: (rows, tokens).
        branch: of the block.
        grid: the video's tokens.

    Returns:
        Shape `grid`.

    Raises:
        ValueError: if the tokens are not those of the grid.

    Example:
        >>> arranged(torch.arange(4.0).view(2, 2), "temporal", (2, 1, 2)).tolist()
        [[[0.0, 2.0]], [[1.0, 3.0]]]
    """
    frames, height, width = grid
    places = height * width
    rows, tokens = values.shape
    if branch == "spatial" and tokens == places and rows % frames == 0:
        videos = values.reshape(-1, *grid)
    elif branch == "temporal" and tokens == frames and rows % places == 0:
        videos = values.reshape(-1, height, width, frames).permute(0, 3, 1, 2)
    elif tokens >= frames * places:
        videos = values[:, tokens - frames * places :].reshape(-1, *grid)
    else:
        raise ValueError(
            f"{rows} rows of {tokens} tokens in a {branch} block are no video of {frames} frames "
            f"of {height} x {width} tokens"
        )
    return videos.mean(0)


def token_grid(transformer: nn.Module, latents: torch.Size) -> Grid:
    """The tokens of a video.

    Args:
        transformer: its configuration names `in_channels` and `patch_size`, of height and width or
            of frames, too.
        latents: their shape, (1, channels, frames, height, width) or with frames before channels.
            Sides that the patch does not divide are padded.
    """
    config: Any = transformer.config
    channels = 1 if latents[1] == config.in_channels else 2
    sizes = [length for axis, length in enumerate(latents) if axis not in (0, channels)]
    patch = config.patch_size
    patches = (1, patch, patch) if isinstance(patch, int) else tuple(patch)
    frames, height, width = (-(-size // own) for size, own in zip(sizes, patches, strict=True))
    return frames, height, width
