"""AMT-S (Li et al. 2023), which guesses the frame between two frames, by the names of its weights.

Both frames are searched for each other at once: correlations of all pairs of places say where a
place of the middle frame may come from, and three decoders refine flows from it to both frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from pab_bench.metrics.networks.loading import State

CHANNELS = (20, 32, 44, 56)
SIDE_CHANNELS = 20
FLOWS = 3
LEVELS, RADIUS = 4, 3
TIME = 0.5


class Amt(nn.Module):
    """From two frames to the one in their middle; their sides are multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = CHANNELS
        self.feat_encoder = _Features()
        self.encoder = nn.ModuleDict(
            {
                f"pyramid{level}": nn.Sequential(_conv(inner, outer, 2), _conv(outer, outer))
                for level, (inner, outer) in enumerate(
                    zip((3, *CHANNELS), CHANNELS, strict=False), 1
                )
            }
        )
        self.decoder4 = _Decoder(2 * fourth, 1, third + 4)
        self.decoder3 = _Decoder(3 * third, 4, second + 4)
        self.decoder2 = _Decoder(3 * second, 4, first + 4)
        self.decoder1 = _Decoder(3 * first, 4, 8 * FLOWS)
        self.update4 = _Update(third, 1)
        self.update3 = _Update(second, 2)
        self.update2 = _Update(first, 4)
        self.comb_block = nn.Sequential(
            nn.Conv2d(3 * FLOWS, 6 * FLOWS, 3, 1, 1),
            nn.PReLU(6 * FLOWS),
            nn.Conv2d(6 * FLOWS, 3, 3, 1, 1),
        )

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """The frame in the middle.

        Args:
            before: shape (1, 3, height, width), samples in [0, 1], sides multiples of 16.
            after: likewise.

        Returns:
            Samples in [0, 1], the same shape.
        """
        mean = torch.cat([before, after]).mean()
        frames = before - mean, after - mean
        search = _Search(*(self.feat_encoder(frame) for frame in frames))
        one, other = (self._pyramid(frame) for frame in frames)
        time = torch.full_like(one[3][:, :1], TIME)
        flow, seen = _split(self.decoder4(torch.cat([one[3], other[3], time], 1)))
        updates = {3: self.update4, 2: self.update3, 1: self.update2}
        decoders = {2: self.decoder3, 1: self.decoder2}
        for level in (3, 2, 1):
            if level < 3:
                inputs = _warped(seen, one[level], other[level], flow)
                change, seen = _split(decoders[level](inputs))
                flow = change + 2 * _resized(flow, 2)
            # The search is done on maps of an eighth of the frame's size.
            scale = 2 ** (3 - level)
            small = flow if scale == 1 else _resized(flow, 1 / scale) / scale
            change_seen, change = updates[level](seen, small, search(small))
            flow, seen = flow + change, seen + change_seen
        return self._combined(frames, mean, seen, one[0], other[0], flow)

    def _pyramid(self, frame: torch.Tensor) -> list[torch.Tensor]:
        levels = []
        for layer in self.encoder.values():
            frame = layer(frame)
            levels.append(frame)
        return levels

    def _combined(
        self,
        frames: tuple[torch.Tensor, torch.Tensor],
        mean: torch.Tensor,
        seen: torch.Tensor,
        one: torch.Tensor,
        other: torch.Tensor,
        flow: torch.Tensor,
    ) -> torch.Tensor:
        """Several flows of full size, their guesses mixed."""
        result = self.decoder1(_warped(seen, one, other, flow))
        enlarged = 2 * _resized(flow, 2)
        sizes = (2 * FLOWS, 2 * FLOWS, FLOWS, 3 * FLOWS)
        change_one, change_other, mask, rest = result[0].split(sizes)
        flows = [
            change.unflatten(0, (FLOWS, 2)) + own
            for change, own in zip((change_one, change_other), enlarged.chunk(2, 1), strict=True)
        ]
        moved = [
            _warp(frame.expand(FLOWS, -1, -1, -1), own)
            for frame, own in zip(frames, flows, strict=True)
        ]
        share = torch.sigmoid(mask)[:, None]
        guesses = share * moved[0] + (1 - share) * moved[1] + mean + rest.unflatten(0, (FLOWS, 3))
        combined = guesses.mean(0, keepdim=True) + self.comb_block(guesses.flatten(0, 1)[None])
        return combined.clamp(0, 1)


class _Features(nn.Module):
    """Maps of an eighth of the frame's size, in which the frames search for each other."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, 2, 3)
        self.layer1 = nn.Sequential(_Bottleneck(32, 32, 1), _Bottleneck(32, 32, 1))
        self.layer2 = nn.Sequential(_Bottleneck(32, 64, 2), _Bottleneck(64, 64, 1))
        self.layer3 = nn.Sequential(_Bottleneck(64, 96, 2), _Bottleneck(96, 96, 1))
        self.conv2 = nn.Conv2d(96, 84, 1)

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        maps = functional.relu(functional.instance_norm(self.conv1(frame)))
        return self.conv2(self.layer3(self.layer2(self.layer1(maps))))


class _Bottleneck(nn.Module):
    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer // 4, 1)
        self.conv2 = nn.Conv2d(outer // 4, outer // 4, 3, stride, 1)
        self.conv3 = nn.Conv2d(outer // 4, outer, 1)
        if stride > 1:
            self.downsample = nn.ModuleList([nn.Conv2d(inner, outer, 1, stride)])
        self.stride = stride

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        found = maps
        for conv in (self.conv1, self.conv2, self.conv3):
            found = functional.relu(functional.instance_norm(conv(found)))
        if self.stride > 1:
            maps = functional.instance_norm(self.downsample[0](maps))
        return functional.relu(maps + found)


class _Search:
    """How like every place of one frame is to the surroundings of where a flow leads."""

    def __init__(self, one: torch.Tensor, other: torch.Tensor) -> None:
        _, depth, self.rows, self.columns = one.shape
        likeness = one.flatten(2)[0].T @ other.flatten(2)[0] / depth**0.5
        size = (-1, 1, self.rows, self.columns)
        self.pyramids = [self._levels(maps.reshape(size)) for maps in (likeness, likeness.T)]
        down, across = (
            torch.arange(n, dtype=one.dtype, device=one.device) for n in (self.rows, self.columns)
        )
        grid = torch.meshgrid(down, across, indexing="ij")
        self.places = torch.stack(grid[::-1], -1).reshape(-1, 1, 1, 2)
        steps = torch.linspace(-RADIUS, RADIUS, 2 * RADIUS + 1, device=one.device)
        # The published network was trained with x and y of the surroundings exchanged.
        self.around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)

    def __call__(self, flow: torch.Tensor) -> torch.Tensor:
        """Shape (1, 2 x levels x (2 radius + 1)^2, rows, columns)."""
        to_one, to_other = flow.chunk(2, 1)
        # A flow from the middle to one end, doubled and turned round, leads from end to end.
        flows = to_other / TIME, to_one / (1 - TIME)
        return torch.cat(
            [self._looked_up(*pair) for pair in zip(self.pyramids, flows, strict=True)], 1
        )

    def _levels(self, maps: torch.Tensor) -> list[torch.Tensor]:
        levels = [maps]
        for _ in range(LEVELS - 1):
            levels.append(functional.avg_pool2d(levels[-1], 2))
        return levels

    def _looked_up(self, levels: list[torch.Tensor], flow: torch.Tensor) -> torch.Tensor:
        centres = self.places + flow.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
        found = []
        for level, maps in enumerate(levels):
            height, width = maps.shape[-2:]
            last = maps.new_tensor([width - 1, height - 1])
            grid = 2 * (centres / 2**level + self.around) / last - 1
            found.append(functional.grid_sample(maps, grid, align_corners=True).flatten(1))
        return torch.cat(found, 1).T.reshape(1, -1, self.rows, self.columns)


class _Decoder(nn.Module):
    """A guess of twice the size."""

    def __init__(self, channels: int, more: int, result: int) -> None:
        super().__init__()
        self.convblock = nn.Sequential(
            _conv(channels + more, channels),
            _Residual(channels),
            nn.ConvTranspose2d(channels, result, 4, 2, 1),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.convblock(inputs)
        return result


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv3 = _conv(channels, channels), _conv(channels, channels)
        self.conv2 = _conv(SIDE_CHANNELS, SIDE_CHANNELS)
        self.conv4 = _conv(SIDE_CHANNELS, SIDE_CHANNELS)
        self.conv5 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.prelu = nn.PReLU(channels)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        found = maps
        for whole, side in ((self.conv1, self.conv2), (self.conv3, self.conv4)):
            found = whole(found)
            main, beside = found[:, :-SIDE_CHANNELS], found[:, -SIDE_CHANNELS:]
            found = torch.cat([main, side(beside)], 1)
        result: torch.Tensor = self.prelu(maps + self.conv5(found))
        return result


class _Update(nn.Module):
    """Corrects flows and maps by what the search finds, at an eighth of the frame's size."""

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.convc1 = nn.Conv2d(2 * LEVELS * (2 * RADIUS + 1) ** 2, 64, 1)
        self.convf1 = nn.Conv2d(4, 40, 7, 1, 3)
        self.convf2 = nn.Conv2d(40, 20, 3, 1, 1)
        self.conv = nn.Conv2d(84, 68, 3, 1, 1)
        self.gru = _two_convs(68 + 4 + channels, 76)
        self.feat_head = _two_convs(76, channels)
        self.flow_head = _two_convs(76, 4)

    def forward(
        self, seen: torch.Tensor, flow: torch.Tensor, likeness: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        small = seen if self.scale == 1 else _resized(seen, 1 / self.scale)
        likeness = _leaky(self.convc1(likeness))
        motion = _leaky(self.convf2(_leaky(self.convf1(flow))))
        both = _leaky(self.conv(torch.cat([likeness, motion], 1)))
        state = self.gru(torch.cat([both, flow, small], 1))
        change_seen, change_flow = self.feat_head(state), self.flow_head(state)
        if self.scale > 1:
            change_seen = _resized(change_seen, self.scale)
            change_flow = self.scale * _resized(change_flow, self.scale)
        return change_seen, change_flow


def _conv(inner: int, outer: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inner, outer, 3, stride, 1), nn.PReLU(outer))


def _two_convs(inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, 76, 3, 1, 1), nn.LeakyReLU(0.1), nn.Conv2d(76, outer, 3, 1, 1)
    )


def _leaky(maps: torch.Tensor) -> torch.Tensor:
    return functional.leaky_relu(maps, 0.1)


def _resized(maps: torch.Tensor, scale: float) -> torch.Tensor:
    return functional.interpolate(maps, scale_factor=scale, mode="bilinear")


def _split(result: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Flows to both frames (two channels each), and the maps that go on."""
    return result[:, :4], result[:, 4:]


def _warped(
    seen: torch.Tensor, one: torch.Tensor, other: torch.Tensor, flow: torch.Tensor
) -> torch.Tensor:
    to_one, to_other = flow.chunk(2, 1)
    return torch.cat([seen, _warp(one, to_one), _warp(other, to_other), flow], 1)


def _warp(maps: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """The maps as seen where the flow leads, the border's samples beyond it."""
    _, _, height, width = flow.shape
    down, across = (torch.linspace(-1, 1, n, device=maps.device) for n in (height, width))
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij")[::-1], -1)
    size = flow.new_tensor([(width - 1) / 2, (height - 1) / 2])
    places = grid + flow.permute(0, 2, 3, 1) / size
    return functional.grid_sample(maps, places, padding_mode="border", align_corners=True)


def amt(state: State) -> Amt:
    """The network; the small one has one size only."""
    del state
    return Amt()
